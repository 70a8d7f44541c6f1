from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

for tenant in ("red", "blue"):
    # A DAG that was entered is registered, whatever happens to the name.
    with DAG(f"with_{tenant}", schedule=None, start_date=datetime(2025, 1, 1)) as dag:
        EmptyOperator(task_id="run")
