from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("twins", schedule=None, start_date=datetime(2025, 1, 1)) as one:
    EmptyOperator(task_id="a")
with DAG("twins", schedule=None, start_date=datetime(2025, 1, 1)) as two:
    EmptyOperator(task_id="b")
