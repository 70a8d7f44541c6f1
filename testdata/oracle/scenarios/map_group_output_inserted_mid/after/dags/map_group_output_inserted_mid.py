from datetime import datetime

from airflow import DAG
from airflow.decorators import task, task_group
from oraclelib import record, wait_gate


@task(max_active_tis_per_dagrun=1)
def get(x):
    if x == "b":
        wait_gate()
    record(f"get:{x}", x)
    return x


@task
def put(y):
    record(f"put:{y}", y)


@task_group
def each(x):
    put(get(x))


@task
def final():
    record("final", "done")


with DAG("map_group_output_inserted_mid", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    each.expand(x=["n", "a", "b"]) >> final()
