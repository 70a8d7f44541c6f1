"""Pieces of a DAG that are put together before there is a DAG."""

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup


class Piece:
    def __init__(self):
        self.after = []
        self.flow = None
        self.group = None

    def __rshift__(self, other):
        self.after.append(other)
        if self.flow is not None:
            self.connect(other)
        return other

    def join(self, flow):
        if self.flow is flow:
            return
        self.flow = flow
        self.settle()
        for other in self.after:
            self.connect(other)

    def connect(self, other):
        other.join(self.flow)
        self.last >> other.first


class Step(Piece):
    def __init__(self, name):
        super().__init__()
        self.first = self.last = EmptyOperator(task_id=name)

    def settle(self):
        if self.group is not None:
            self.first.task_id = self.group.child_id(f"step_{self.first.task_id}")
            self.first.task_group = self.group
            self.group.add(self.first)
        self.first.dag = self.flow.dag


class Block(Piece):
    def __init__(self, name, *steps):
        super().__init__()
        self.name, self.steps = name, steps
        for one, other in zip(steps, steps[1:]):
            one >> other

    @property
    def first(self):
        return self.steps[0].first

    @property
    def last(self):
        return self.steps[-1].last

    def settle(self):
        group = TaskGroup(self.name, dag=self.flow.dag, parent_group=self.group)
        for step in self.steps:
            step.group = group
        self.steps[0].join(self.flow)


class Flow:
    def __init__(self, dag_id, start_date):
        self.dag = DAG(dag_id, schedule=None, start_date=start_date)

    def __rshift__(self, piece):
        piece.join(self)
        return piece
