from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("twin", schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id="a")
