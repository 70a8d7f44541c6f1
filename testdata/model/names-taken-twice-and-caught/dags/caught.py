from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("caught", schedule=None, start_date=datetime(2025, 1, 1)):
    for name in ["a", "b", "a"]:
        try:
            EmptyOperator(task_id=name)
        except Exception:
            EmptyOperator(task_id=f"{name}_again")
