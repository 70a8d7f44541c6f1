from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup

with DAG("same_name", schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id="a")
    with TaskGroup("a"):
        EmptyOperator(task_id="b")
