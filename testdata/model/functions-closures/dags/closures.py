from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


def counter(prefix):
    count = 0

    def make():
        nonlocal count
        count += 1
        return EmptyOperator(task_id=f"{prefix}_{count}")

    return make


with DAG("closures", schedule=None, start_date=datetime(2025, 1, 1)):
    left, right = counter("left"), counter("right")
    left() >> right()
    left()
