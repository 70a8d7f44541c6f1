from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

B = _D = "kept"
from stars.listed import *
from stars.unlisted import *

with DAG("stars_dag", schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id=f"{A}_{B}")
    EmptyOperator(task_id=f"{C}_{_D}")
