import os
from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("as_condition", schedule=None, start_date=datetime(2025, 1, 1)):
    a = EmptyOperator(task_id="a")
    if os.getenv("STAGE") == "prod":
        a >> EmptyOperator(task_id="alert")
