from datetime import datetime

from airflow import DAG
from airflow.models import Variable
from airflow.operators.empty import EmptyOperator

with DAG("decides_tasks", schedule=None, start_date=datetime(2025, 1, 1)):
    start = EmptyOperator(task_id="start")
    for name in Variable.get("names", default_var="a,b").split(","):
        start >> EmptyOperator(task_id=f"load_{name}")
