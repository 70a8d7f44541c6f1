from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from shared_args_swapped_kw_lib.core import fetch
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def work():
    record("work", fetch(a="x", b="y"))


@task
def final():
    record("final", "done")


with DAG("shared_args_swapped_kw", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> work() >> final()
