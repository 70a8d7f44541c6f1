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
def put(y, opened):
    record(f"put:{y}", y)


@task_group
def each(x, opened):
    put(get(x), opened)


@task
def final():
    record("final", "done")


with DAG("map_group_output_swapped_first_done", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    opened = gate()
    each.partial(opened=opened).expand(x=["b", "a"]) >> final()
