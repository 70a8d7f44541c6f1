from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("ranges", schedule=None, start_date=datetime(2025, 1, 1)):
    for i in range(10, 0, -4):
        EmptyOperator(task_id=f"down_{i}")
    for number, (left, right) in enumerate(zip("abc", [1, 2]), start=1):
        EmptyOperator(task_id=f"pair_{number}{left}{right}")
