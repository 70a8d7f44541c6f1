from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def produce():
    record("produce", 1)
    return [{"m": 1}, {"m": 2}]


@task
def gate():
    wait_gate()


@task
def work(n):
    record("work", n)


@task
def final():
    record("final", "done")


with DAG("map_xcom_kwargs_keys_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    p = produce()
    w = work.expand_kwargs(p)
    gate() >> p
    w >> final()
