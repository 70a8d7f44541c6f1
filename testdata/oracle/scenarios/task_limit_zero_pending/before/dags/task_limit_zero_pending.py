from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def work():
    record("work", 1)


@task
def final():
    record("final", "done")


with DAG("task_limit_zero_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> work() >> final()
