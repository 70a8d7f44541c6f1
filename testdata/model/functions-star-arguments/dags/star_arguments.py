from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


def fan(first, *rest, join, **names):
    for one in rest:
        first >> one >> join
    for key, value in names.items():
        join >> EmptyOperator(task_id=f"{key}_{value}")


with DAG("star_arguments", schedule=None, start_date=datetime(2025, 1, 1)):
    tasks = [EmptyOperator(task_id=c) for c in "abc"]
    fan(*tasks, join=EmptyOperator(task_id="join"), **{"k": 1, "l": 2})
