from datetime import datetime

from airflow import DAG
from airflow.decorators import task, task_group
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()
    record("gate", "open")


@task
def get(x):
    record(f"get:{x}", x)
    return x


@task
def put(x, y, opened):
    record(f"put:{x}:{y}", x)


@task_group
def each(x, opened):
    put(x, get(x), opened)


@task
def final():
    record("final", "done")


with DAG("map_group_pair_swapped_first_done", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    opened = gate()
    each.partial(opened=opened).expand(x=["a", "b"]) >> final()
