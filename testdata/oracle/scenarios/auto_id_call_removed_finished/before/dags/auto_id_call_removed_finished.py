from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def step(x):
    record(f"step:{x}", x)
    return x


@task
def gate():
    wait_gate()


@task
def final():
    record("final", "done")


with DAG("auto_id_call_removed_finished", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    first = step("a")
    last = step("b")
    first >> gate() >> last >> final()
