from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from ring import one, two

with DAG("circle", schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id=one.both()) >> EmptyOperator(task_id=two.early() + "_late")
