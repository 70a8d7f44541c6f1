import functools
from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("reduced", schedule=None, start_date=datetime(2025, 1, 1)):
    functools.reduce(lambda before, after: before >> after, [EmptyOperator(task_id=x) for x in "abc"])
