from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("direction", schedule=None, start_date=datetime(2025, 1, 1)):
    a, b, c, d, e = (EmptyOperator(task_id=x) for x in "abcde")
    a >> b << c
    (a >> d) >> e
    e >> (b >> EmptyOperator(task_id="f"))
