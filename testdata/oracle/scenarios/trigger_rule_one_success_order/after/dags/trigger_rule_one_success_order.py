from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def fast():
    record("fast", 2)


@task(trigger_rule="one_success")
def load():
    record("load", 1)


@task
def final():
    record("final", "done")


with DAG("trigger_rule_one_success_order", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    g = gate()
    l = load()
    [g, fast()] >> l
    [g, l] >> final()
