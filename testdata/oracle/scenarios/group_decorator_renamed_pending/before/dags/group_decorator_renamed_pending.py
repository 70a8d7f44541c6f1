from datetime import datetime

from airflow import DAG
from airflow.decorators import task, task_group
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def load():
    record("load", 1)


@task_group
def stage():
    return load()


@task
def final():
    record("final", "done")


with DAG("group_decorator_renamed_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> stage() >> final()
