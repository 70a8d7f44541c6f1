from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

number = 0


def step():
    global number
    number += 1
    return EmptyOperator(task_id=f"step_{number}")


with DAG("global_statement", schedule=None, start_date=datetime(2025, 1, 1)):
    step() >> step()
    number = 10
    step()
