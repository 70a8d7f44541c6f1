from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def work():
    record("work", "done")
    return "done"


@task
def final():
    record("final", "done")


with DAG("task_made_async_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> work() >> final()
