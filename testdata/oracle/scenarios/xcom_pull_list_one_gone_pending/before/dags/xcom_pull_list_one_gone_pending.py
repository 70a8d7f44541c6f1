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
    return 2


@task
def final(ti=None):
    a, b = ti.xcom_pull(task_ids=["one", "two"])
    record("final", a + b)


with DAG("xcom_pull_list_one_gone_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> [one(), two()] >> final()
