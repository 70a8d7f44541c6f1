from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def final():
    record("final", "done")


with DAG("dag_limit_zero_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False, max_active_tasks=0) as dag:
    gate() >> final()
