from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task(task_id="two")
def one():
    record("one", 1)


@task(task_id="one")
def two():
    record("two", 2)


@task
def final():
    record("final", "done")


with DAG("ids_swapped_both_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> [one(), two()] >> final()
