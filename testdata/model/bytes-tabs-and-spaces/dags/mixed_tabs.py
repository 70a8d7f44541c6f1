from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("mixed_tabs", schedule=None, start_date=datetime(2025, 1, 1)):
	for name in "ab":
        	EmptyOperator(task_id=name)
