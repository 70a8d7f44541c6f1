from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def produce():
    record("produce", 7)
    return 7


@task
def gate():
    wait_gate()


@task
def work(v):
    record("work", len(range(v)))


@task
def final():
    record("final", "done")


with DAG("xcom_type_float_range_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    p = produce()
    w = work(p)
    gate() >> p >> w >> final()
