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
def work(ti=None):
    v = ti.xcom_pull(task_ids="produce")
    record("work", v + 1)


@task
def final():
    record("final", "done")


with DAG("xcom_pull_list_plus", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    p = produce()
    w = work()
    p >> gate() >> w >> final()
