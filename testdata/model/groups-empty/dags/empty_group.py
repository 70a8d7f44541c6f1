from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup

with DAG("empty_group", schedule=None, start_date=datetime(2025, 1, 1)):
    with TaskGroup("nothing") as nothing:
        pass
    EmptyOperator(task_id="a") >> nothing >> EmptyOperator(task_id="b")
