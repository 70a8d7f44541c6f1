import random
from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("dice", schedule=None, start_date=datetime(2025, 1, 1)):
    for number in range(random.randint(2, 2)):
        EmptyOperator(task_id=f"n_{number}")
