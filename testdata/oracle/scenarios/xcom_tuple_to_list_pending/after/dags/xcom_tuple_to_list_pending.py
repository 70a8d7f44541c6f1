from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def prepare():
    record("prepare", 7)
    return [3, 4]


@task
def gate():
    wait_gate()


@task
def final(xs):
    a, b = xs
    record("final", a + b)


with DAG("xcom_tuple_to_list_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    p = prepare()
    gate() >> p
    final(p)
