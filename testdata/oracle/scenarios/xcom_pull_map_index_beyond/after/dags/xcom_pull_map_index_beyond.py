from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def work(x):
    record(f"item:{x}", x)
    return x


@task
def gate():
    wait_gate()


@task
def final(ti=None):
    a, b, c = ti.xcom_pull(task_ids="work", map_indexes=[0, 1, 2])
    record("final", [a, b])


with DAG("xcom_pull_map_index_beyond", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    work.expand(x=["a", "b", "c"]) >> gate() >> final()
