from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


def step(name):
    if name.startswith("_"):
        return None
    try:
        return EmptyOperator(task_id=name)
    finally:
        EmptyOperator(task_id=f"{name}_check")


with DAG("early_return", schedule=None, start_date=datetime(2025, 1, 1)):
    made = [task for task in map(step, ["a", "_b", "c"]) if task]
    made[0] >> made[1]
