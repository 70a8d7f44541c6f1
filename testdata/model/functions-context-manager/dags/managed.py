from datetime import datetime
from contextlib import contextmanager

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup


@contextmanager
def stage(name):
    with TaskGroup(name) as group:
        start = EmptyOperator(task_id="start")
        yield group
        start >> EmptyOperator(task_id="end")


with DAG("managed", schedule=None, start_date=datetime(2025, 1, 1)):
    with stage("one"):
        EmptyOperator(task_id="work")
