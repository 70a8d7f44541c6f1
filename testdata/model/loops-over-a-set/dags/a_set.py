from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("a_set", schedule=None, start_date=datetime(2025, 1, 1)):
    end = EmptyOperator(task_id="end")
    for name in {"b", "a", "c"}:
        EmptyOperator(task_id=name) >> end
