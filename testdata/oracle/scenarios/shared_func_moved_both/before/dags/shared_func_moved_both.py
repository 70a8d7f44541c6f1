from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from shared_func_moved_both_lib.calc import scale
from oraclelib import record, wait_gate


@task
def prepare():
    record("prepare", 7)
    return 7


@task
def gate():
    wait_gate()


@task
def work(x):
    record("work", x)
    return scale(x)


@task
def final(x):
    record("final", x)


with DAG("shared_func_moved_both", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    p = prepare()
    w = work(p)
    p >> gate() >> w
    final(w)
