from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup


class Stage(TaskGroup):
    def __init__(self, name, size):
        super().__init__(group_id=f"stage_{name}")
        for number in range(size):
            EmptyOperator(task_id=f"t{number}", task_group=self)


with DAG("group_subclass", schedule=None, start_date=datetime(2025, 1, 1)):
    Stage("a", 2) >> Stage("b", 1)
