from datetime import datetime

try:
    from airflow.sdk import DAG

    GENERATION = "three"
except ImportError:
    from airflow import DAG

    GENERATION = "two"

from airflow.operators.empty import EmptyOperator

with DAG("either", schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id=f"on_{GENERATION}")
