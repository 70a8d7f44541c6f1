from datetime import datetime

from airflow import DAG
from airflow.operators.dummy import DummyOperator

with DAG("dummy", schedule=None, start_date=datetime(2025, 1, 1)):
    DummyOperator(task_id="a")
