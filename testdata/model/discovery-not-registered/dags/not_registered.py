from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


def make():
    with DAG("not_registered", schedule=None, start_date=datetime(2025, 1, 1), auto_register=False) as dag:
        EmptyOperator(task_id="a")
    return dag


make()
with DAG("registered_by_name", schedule=None, start_date=datetime(2025, 1, 1), auto_register=False) as dag:
    EmptyOperator(task_id="a")
