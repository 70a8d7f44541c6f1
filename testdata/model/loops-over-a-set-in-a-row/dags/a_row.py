from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("a_row", schedule=None, start_date=datetime(2025, 1, 1)):
    last = EmptyOperator(task_id="begin")
    for name in {"b", "a", "c"}:
        now = EmptyOperator(task_id=name)
        last >> now
        last = now
