from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from m_body_helper_shared_lib.steps import do_work
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def work():
    do_work()


@task
def final():
    record("final", "done")


with DAG("m_body_helper_shared", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> work() >> final()
