from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task.branch
def choose():
    record("choose", "ran")
    if record("day", 1) > 5:
        return "middle"
    return "left"


@task
def left():
    record("side", "left")


@task
def middle():
    record("side", "middle")


@task
def right():
    record("side", "right")


@task(trigger_rule="none_failed_min_one_success")
def final():
    record("final", "done")


with DAG("branch_new_target_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> choose() >> [left(), middle(), right()] >> final()
