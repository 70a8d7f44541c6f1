from datetime import datetime

from airflow import DAG
from airflow.decorators import task, task_group
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def work(x):
    record(f"item:{x}", x)
    return x


@task_group
def each(x):
    work(x)


@task
def final():
    record("final", "done")


with DAG("map_into_mapped_group_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> each.expand(x=["a", "b", "c"]) >> final()
