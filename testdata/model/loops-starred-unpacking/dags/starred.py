from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("starred", schedule=None, start_date=datetime(2025, 1, 1)):
    first, *middle, last = [EmptyOperator(task_id=c) for c in "abcde"]
    first >> [*middle] >> last
