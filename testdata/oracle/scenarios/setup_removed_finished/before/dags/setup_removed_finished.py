from datetime import datetime

from airflow import DAG
from airflow.decorators import setup, task, teardown
from oraclelib import record, wait_gate


@setup
def make():
    record("make", 1)


@teardown
def drop():
    record("drop", 2)


@task
def gate():
    wait_gate()


@task
def final():
    record("final", "done")


with DAG("setup_removed_finished", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    a = make()
    b = drop()
    a >> gate() >> final() >> b
    a >> b
