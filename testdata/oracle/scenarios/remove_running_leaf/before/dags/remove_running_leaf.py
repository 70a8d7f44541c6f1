from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def final():
    record("final", "done")


@task
def gate():
    wait_gate()
    record("gate", 1)


with DAG("remove_running_leaf", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    final() >> gate()
