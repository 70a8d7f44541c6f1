from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def work(x):
    record(f"item:{x}", x)
    return x


@task
def final():
    record("final", "done")


with DAG("map_lit_pending_insert_front", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> work.expand(x=["a", "b", "c"]) >> final()
