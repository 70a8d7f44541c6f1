from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("tuples_too", schedule=None, start_date=datetime(2025, 1, 1)):
    a, b, c = (EmptyOperator(task_id=x) for x in "abc")
    a >> (b, c)
    (b, c) >> EmptyOperator(task_id="d")
