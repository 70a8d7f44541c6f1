from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def load():
    record("load", 1)


@task
def tidy():
    record("tidy", 2)


@task
def gate():
    wait_gate()


@task
def final():
    record("final", "done")


with DAG("restored_id_readded", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    load() >> gate() >> final()
