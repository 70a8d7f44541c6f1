from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def produce():
    record("produce", 1)
    return {"name": "x"}


@task
def gate():
    wait_gate()


def load(id, name):
    return id


@task
def work(v):
    record("work", load(**v))


@task
def final():
    record("final", "done")


with DAG("xcom_key_kwargs_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    p = produce()
    w = work(p)
    gate() >> p >> w >> final()
