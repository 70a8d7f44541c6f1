from datetime import datetime, timedelta

from airflow import DAG
from airflow.decorators import task
from oraclelib import gate_open, record


@task(retries=20, retry_delay=timedelta(seconds=15))
def load(run_id=None):
    if not gate_open(run_id):
        raise RuntimeError("not yet")
    record("flaky", 1)


@task
def final():
    record("final", "done")


with DAG("retry_wait_renamed", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    load() >> final()
