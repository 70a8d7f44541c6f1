from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def one():
    record("one", 1)
    return 1


@task
def two():
    record("two", 2)
    return 1


@task
def gate():
    wait_gate()


@task
def final(x):
    record("final", x)


with DAG("xcom_consumer_rerouted_done", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    a = one()
    b = two()
    end = final(a)
    [a, b] >> gate() >> end
