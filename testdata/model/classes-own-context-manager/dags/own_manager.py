from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup


class Stage:
    def __init__(self, name):
        self.group = TaskGroup(name)

    def __enter__(self):
        self.group.__enter__()
        return EmptyOperator(task_id="first")

    def __exit__(self, *error):
        EmptyOperator(task_id="last")
        self.group.__exit__(*error)


with DAG("own_manager", schedule=None, start_date=datetime(2025, 1, 1)):
    with Stage("stage") as first:
        first >> EmptyOperator(task_id="work")
    EmptyOperator(task_id="after")
