from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task.branch
def choose():
    return "gate"


@task
def gate():
    wait_gate()


@task
def other():
    record("side", "other")


@task(trigger_rule="none_failed_min_one_success")
def final():
    record("final", "done")


with DAG("branch_edge_added_done", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    c = choose()
    f = final()
    c >> [gate(), other()] >> f
    c >> f
