from datetime import datetime

from airflow import DAG
from airflow.models.baseoperator import cross_downstream
from airflow.operators.empty import EmptyOperator

with DAG("crossed", schedule=None, start_date=datetime(2025, 1, 1)):
    a, b, c, d = (EmptyOperator(task_id=x) for x in "abcd")
    cross_downstream([a, b], [c, d])
