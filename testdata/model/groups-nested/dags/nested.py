from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup

with DAG("nested", schedule=None, start_date=datetime(2025, 1, 1)):
    with TaskGroup("outer") as outer:
        a = EmptyOperator(task_id="a")
        with TaskGroup("inner", prefix_group_id=False):
            b = EmptyOperator(task_id="b")
            with TaskGroup("core"):
                c = EmptyOperator(task_id="c")
        a >> b >> c
    outer >> EmptyOperator(task_id="end")
