from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.utils.task_group import TaskGroup
from oraclelib import record, wait_gate


@task
def load():
    record("load", 1)


@task
def gate():
    wait_gate()


@task
def final():
    record("final", "done")


with DAG("group_nested_deeper_finished", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    with TaskGroup("stage"):
        done = load()
    done >> gate() >> final()
