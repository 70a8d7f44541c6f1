from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from shared_return_dict_key_lib.core import fetch
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def work():
    record("work", fetch()["id"])


@task
def final():
    record("final", "done")


with DAG("shared_return_dict_key", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> work() >> final()
