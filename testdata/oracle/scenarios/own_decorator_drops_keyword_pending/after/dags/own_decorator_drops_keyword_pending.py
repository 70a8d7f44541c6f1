import functools
from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


def logged(function):
    @functools.wraps(function)
    def inner(*args):
        return function(*args)
    return inner


@task
@logged
def work(n):
    record("work", n)


@task
def final():
    record("final", "done")


with DAG("own_decorator_drops_keyword_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> work(n=3) >> final()
