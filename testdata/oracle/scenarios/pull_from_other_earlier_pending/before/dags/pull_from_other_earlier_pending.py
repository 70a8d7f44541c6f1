from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def early():
    record("early", 1)
    return 1


@task
def late():
    record("late", 2)
    return 2


@task
def work(ti=None):
    record("work", ti.xcom_pull(task_ids="early") and 1)


@task
def final():
    record("final", "done")


with DAG("pull_from_other_earlier_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    early() >> late() >> gate() >> work() >> final()
