from datetime import datetime

import team.deep.more as more
from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG(more.NAME, schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id="t")
