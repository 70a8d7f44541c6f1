from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def work(x):
    record(f"item:{x}", x)
    return x + "!"


@task
def gate():
    wait_gate()


@task
def final(xs):
    record("final", sorted(xs))


with DAG("map_done_reducer_kept", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    w = work.expand(x=["a", "b", "c"])
    g = gate()
    w >> g
    g >> final(w)
