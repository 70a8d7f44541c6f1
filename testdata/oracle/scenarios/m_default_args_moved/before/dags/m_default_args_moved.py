from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task(retries=1)
def gate():
    wait_gate()


@task(retries=1)
def work():
    record("work", 1)


@task(retries=1)
def final():
    record("final", "done")


with DAG("m_default_args_moved", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> work() >> final()
