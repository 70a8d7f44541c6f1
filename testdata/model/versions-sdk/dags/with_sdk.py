from datetime import datetime

from airflow.sdk import DAG, chain, dag, task, task_group
from airflow.providers.standard.operators.empty import EmptyOperator


@task
def a():
    return 1


@task_group
def g(x):
    return a.override(task_id="b")()


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def with_sdk():
    chain(a(), g(1), EmptyOperator(task_id="c"))


with_sdk()
