from datetime import datetime, timedelta

from airflow import DAG
from airflow.decorators import task
from oraclelib import gate_open, record


@task(retries=20, retry_delay=timedelta(seconds=15))
def flaky(run_id=None):
    if not gate_open(run_id):
        raise ValueError(f"{run_id} is not ready")
    record("flaky", 1)


@task
def final():
    record("final", "done")


with DAG("retry_wait_body_changed", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    flaky() >> final()
