from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("crlf", schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id="""a
b""".replace("\n", "_"))
