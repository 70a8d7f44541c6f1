from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.utils.task_group import TaskGroup
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task.branch
def choose():
    record("choose", "ran")
    return "stage.left"


@task
def left():
    record("side", "left")


@task
def right():
    record("side", "right")


@task(trigger_rule="none_failed_min_one_success")
def final():
    record("final", "done")


with DAG("branch_group_renamed_stale", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    c = choose()
    with TaskGroup("step"):
        sides = [left(), right()]
    gate() >> c >> sides >> final()
