from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


def step(name, seen=[]):
    task = EmptyOperator(task_id=f"{name}_{len(seen)}")
    if seen:
        seen[-1] >> task
    seen.append(task)


with DAG("mutable_default", schedule=None, start_date=datetime(2025, 1, 1)):
    step("a")
    step("b")
    step("c", seen=[])
    step("d")
