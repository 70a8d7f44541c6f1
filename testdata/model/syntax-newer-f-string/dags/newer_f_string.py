from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

PARTS = {"a": 1}
with DAG("newer_f_string", schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id=f"t_{PARTS["a"]}")
