from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def start():
    record("side", "start")


@task
def gate():
    wait_gate()


@task
def report():
    record("side", "report")


@task
def final():
    record("final", "done")


with DAG("direct_edge_added_all_success", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    s = start()
    r = report()
    s >> gate() >> r >> final()
