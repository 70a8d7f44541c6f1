from datetime import datetime

from airflow import DAG
from airflow.configuration import conf
from airflow.operators.empty import EmptyOperator

with DAG("configured", schedule=None, start_date=datetime(2025, 1, 1)):
    if conf.getboolean("core", "load_examples"):
        EmptyOperator(task_id="examples")
    EmptyOperator(task_id="always")
