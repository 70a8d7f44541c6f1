from datetime import datetime, timedelta

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def final():
    record("final", "done")


with DAG("exec_timeout_lowered_running", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> final()
