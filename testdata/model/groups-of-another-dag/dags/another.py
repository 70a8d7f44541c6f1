from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup

with DAG("outer", schedule=None, start_date=datetime(2025, 1, 1)):
    with TaskGroup("g"):
        EmptyOperator(task_id="a")
        with DAG("inner", schedule=None, start_date=datetime(2025, 1, 1)):
            with TaskGroup("h"):
                EmptyOperator(task_id="b")
