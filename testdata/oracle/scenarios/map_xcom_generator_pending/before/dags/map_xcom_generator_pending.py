from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def produce():
    record("produce", 1)
    return ["a", "b"]


@task
def gate():
    wait_gate()


@task
def work(x):
    record(f"work:{x}", x)


@task
def final():
    record("final", "done")


with DAG("map_xcom_generator_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    p = produce()
    w = work.expand(x=p)
    gate() >> p
    w >> final()
