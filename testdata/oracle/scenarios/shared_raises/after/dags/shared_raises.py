from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from shared_raises_lib.core import fetch
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def work():
    record("work", fetch(1, 2)[0])


@task
def final():
    record("final", "done")


with DAG("shared_raises", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> work() >> final()
