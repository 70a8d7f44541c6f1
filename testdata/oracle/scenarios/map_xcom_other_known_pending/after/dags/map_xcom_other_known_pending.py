from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def items():
    return ["a", "b", "c"]


@task
def others():
    return ["a", "b", "c"]


@task
def gate():
    wait_gate()


@task
def work(x):
    record(f"item:{x}", x)
    return x


@task
def side(x):
    record(f"side:{x}", x)


@task
def final():
    record("final", "done")


with DAG("map_xcom_other_known_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    xs = items()
    ys = others()
    side.expand(x=ys)
    [xs, ys] >> gate() >> work.expand(x=ys) >> final()
