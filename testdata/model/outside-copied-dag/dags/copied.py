import copy
from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("copied", schedule=None, start_date=datetime(2025, 1, 1)) as dag:
    EmptyOperator(task_id="a")
twin = copy.deepcopy(dag)
twin.dag_id = "copied_again"
