from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from operators.load import LoadOperator

with DAG("own_operator", schedule=None, start_date=datetime(2025, 1, 1)):
    start = EmptyOperator(task_id="start")
    # The output in a template field is an edge.
    LoadOperator(table="orders", source=start.output) >> LoadOperator(table="refunds", task_id="other")
