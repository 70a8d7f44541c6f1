from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task.branch
def choose():
    return "left"


@task
def left():
    record("left", 1)


@task
def right():
    record("right", 1)


@task
def other():
    record("other", 1)


@task
def final():
    record("final", "done")


with DAG("branch_names_not_behind_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    start, chosen, a, b, c = gate(), choose(), left(), right(), other()
    start >> chosen >> [a, b] >> final.override(trigger_rule="none_failed_min_one_success")()
    start >> c
