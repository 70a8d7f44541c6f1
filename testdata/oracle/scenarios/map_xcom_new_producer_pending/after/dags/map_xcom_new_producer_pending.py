from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def items():
    return ["a", "b", "c"]


@task
def gate():
    wait_gate()


@task
def work(x):
    record(f"item:{x}", x)
    return x


@task
def kept(xs):
    return [x for x in xs if x]


@task
def final():
    record("final", "done")


with DAG("map_xcom_new_producer_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    xs = items()
    xs >> gate() >> work.expand(x=kept(xs)) >> final()
