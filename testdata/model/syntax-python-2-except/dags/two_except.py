from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

try:
    NAME = "a"
except Exception, error:
    raise
with DAG("two_except", schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id=NAME)
