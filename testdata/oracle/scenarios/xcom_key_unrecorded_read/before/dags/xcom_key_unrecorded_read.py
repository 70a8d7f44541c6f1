from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def produce(**context):
    ti = context["ti"]
    for key in context["dag"].tags or ["rows"]:
        ti.xcom_push(key=key, value=3)
    record("produce", 1)


@task
def work(ti=None):
    record("work", ti.xcom_pull(task_ids="produce", key="rows") + 1)


@task
def final():
    record("final", "done")


with DAG("xcom_key_unrecorded_read", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    produce() >> gate() >> work() >> final()
