from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task.branch
def choose():
    record("choose", "ran")
    return "left"


@task
def gate():
    wait_gate()


@task
def left():
    record("side", "left")


@task
def right():
    record("side", "right")


@task(trigger_rule="none_failed_min_one_success")
def final():
    record("final", "done")


with DAG("branch_skipped_renamed_done", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    c = choose()
    g = gate()
    l = left()
    r = right()
    c >> [l, r]
    g >> l
    [l, r] >> final()
