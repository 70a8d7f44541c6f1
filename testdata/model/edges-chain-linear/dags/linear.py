from datetime import datetime

from airflow import DAG
from airflow.models.baseoperator import chain_linear
from airflow.operators.empty import EmptyOperator

with DAG("linear", schedule=None, start_date=datetime(2025, 1, 1)):
    a, b, c, d, e = (EmptyOperator(task_id=x) for x in "abcde")
    chain_linear(a, [b, c], [d, e])
