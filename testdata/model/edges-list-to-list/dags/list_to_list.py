from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("list_to_list", schedule=None, start_date=datetime(2025, 1, 1)):
    a, b, c, d = (EmptyOperator(task_id=x) for x in "abcd")
    [a, b] >> [c, d]
