from datetime import datetime

import constants
from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("sibling", schedule=None, start_date=datetime(2025, 1, 1)):
    for name in constants.NAMES:
        EmptyOperator(task_id=name)
