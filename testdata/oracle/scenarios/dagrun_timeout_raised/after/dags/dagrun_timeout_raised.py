from datetime import datetime, timedelta

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


with DAG("dagrun_timeout_raised", schedule=None, start_date=datetime(2024, 1, 1), catchup=False, dagrun_timeout=timedelta(days=3)) as dag:
    gate() >> work() >> final()
