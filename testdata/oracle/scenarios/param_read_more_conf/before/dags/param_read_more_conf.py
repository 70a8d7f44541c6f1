from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def work(params=None):
    record("work", params["size"])


@task
def final():
    record("final", "done")


with DAG("param_read_more_conf", schedule=None, start_date=datetime(2024, 1, 1), catchup=False, params={"size": 3}) as dag:
    gate() >> work() >> final()
