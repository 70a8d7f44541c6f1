from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

type Name = str


def step[T: Name](name: T) -> EmptyOperator:
    return EmptyOperator(task_id=name)


with DAG("newer_type", schedule=None, start_date=datetime(2025, 1, 1)):
    step("a")
