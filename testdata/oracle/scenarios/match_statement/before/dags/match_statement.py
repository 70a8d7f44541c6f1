from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def work(day=1):
    if day == 1:
        record("work", 1)
    else:
        record("work", 2)


@task
def final():
    record("final", "done")


with DAG("match_statement", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> work() >> final()
