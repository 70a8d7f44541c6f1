from datetime import datetime

from airflow import DAG
from airflow.models.baseoperator import chain
from airflow.operators.empty import EmptyOperator

with DAG("uneven", schedule=None, start_date=datetime(2025, 1, 1)):
    a, b, c = (EmptyOperator(task_id=x) for x in "abc")
    chain([a, b], [c])
