from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def load():
    record("load", 1)


@task
def final():
    record("final", "done")


with DAG("edge_removed_starts_early", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    g = gate()
    todo = load()
    [g, todo] >> final()
