from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("between_one", schedule=None, start_date=datetime(2025, 1, 1)):
    a = EmptyOperator(task_id="a")
with DAG("between_two", schedule=None, start_date=datetime(2025, 1, 1)):
    b = EmptyOperator(task_id="b")
a >> b
