from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task(trigger_rule="all_done")
def load():
    record("load", 1)


@task
def fast():
    record("fast", 2)


@task
def final():
    record("final", "done")


with DAG("trigger_rule_all_done", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    [gate(), fast()] >> load() >> final()
