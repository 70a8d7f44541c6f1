from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


def steps(names):
    for name in names:
        yield EmptyOperator(task_id=name)
    yield EmptyOperator(task_id="end")


with DAG("generated", schedule=None, start_date=datetime(2025, 1, 1)):
    last = None
    for task in steps(["a", "b"]):
        if last:
            last >> task
        last = task
