from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("evaluated", schedule=None, start_date=datetime(2025, 1, 1)):
    exec("EmptyOperator(task_id='a')")
    eval("EmptyOperator(task_id='b')")
