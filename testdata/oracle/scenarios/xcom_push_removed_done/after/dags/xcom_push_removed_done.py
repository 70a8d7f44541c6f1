from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def prepare(ti=None):
    record("prepare", 7)


@task
def gate():
    wait_gate()


@task
def final(ti=None):
    record("final", ti.xcom_pull(task_ids="prepare", key="rows"))


with DAG("xcom_push_removed_done", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    prepare() >> gate() >> final()
