from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

# A start date of now decides nothing; a task that depends on the year does.
with DAG("clock", schedule=None, start_date=datetime.now()):
    EmptyOperator(task_id="always")
    if datetime.now().year > 2024:
        EmptyOperator(task_id="since_2025")
