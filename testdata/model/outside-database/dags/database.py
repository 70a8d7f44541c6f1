from datetime import datetime

from airflow import DAG
from airflow.models import DagRun
from airflow.operators.empty import EmptyOperator

with DAG("database", schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id="a")
    if DagRun.find(dag_id="database"):
        EmptyOperator(task_id="b")
