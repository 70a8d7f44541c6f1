from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("halving", schedule=None, start_date=datetime(2025, 1, 1)):
    size, last = 40, None
    while (size := size // 2) > 2:
        now = EmptyOperator(task_id=f"size_{size}")
        if last is not None:
            last >> now
        last = now
