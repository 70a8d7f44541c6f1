from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("set_methods", schedule=None, start_date=datetime(2025, 1, 1)) as dag:
    a, b, c, d = (EmptyOperator(task_id=x) for x in "abcd")
    a.set_downstream([b, c])
    d.set_upstream(b)
    d << c
    dag.set_dependency("a", "d")
