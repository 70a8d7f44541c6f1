from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task.short_circuit
def work():
    record("work", 1)


@task
def load():
    record("load", 2)


@task(trigger_rule="none_failed")
def final():
    record("final", "done")


with DAG("shortcircuit_turned_on", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> work() >> load() >> final()
