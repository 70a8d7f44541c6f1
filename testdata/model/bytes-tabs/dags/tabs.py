from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("tabs", schedule=None, start_date=datetime(2025, 1, 1)):
	for name in "ab":
		EmptyOperator(task_id=name)
	EmptyOperator(task_id="c")
