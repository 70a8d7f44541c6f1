from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("twice", schedule=None, start_date=datetime(2025, 1, 1)):
    for name in ["a", "b", "a"]:
        EmptyOperator(task_id=name)
