from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def one():
    record("one", 1)
    return 1


@task
def two():
    record("two", 2)


@task
def final(xs):
    record("final", sum(xs))


with DAG("xcom_nested_arg_producer_off", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    a = one()
    b = two()
    gate() >> [a, b]
    final([a, b])
