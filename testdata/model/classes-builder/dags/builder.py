from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


class Pipeline:
    steps = ["extract", "load"]

    def __init__(self, name):
        self.name = name
        self.dag = DAG(f"built_{name}", schedule=None, start_date=datetime(2025, 1, 1))
        self.made = {}

    @property
    def last(self):
        return self.made.get(self.steps[-1])

    @staticmethod
    def label(step):
        return step[:4]

    @classmethod
    def longer(cls):
        return cls.steps + ["report"]

    def add(self, step):
        self.made[step] = EmptyOperator(task_id=self.label(step), dag=self.dag)
        return self

    def build(self):
        for step in self.longer():
            self.add(step)
        self.made["extract"] >> self.last >> self.made["report"]
        return self.dag


dag = Pipeline("x").add("begin").build()
