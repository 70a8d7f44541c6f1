from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

NAME = t"{1}"
with DAG("newer_template", schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id="a")
