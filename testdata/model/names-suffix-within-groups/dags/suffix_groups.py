from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.utils.task_group import TaskGroup


@task
def step():
    return 1


with DAG("suffix_groups", schedule=None, start_date=datetime(2025, 1, 1)):
    step()
    with TaskGroup("left"):
        step()
        step()
    with TaskGroup("right"):
        step()
    step()
