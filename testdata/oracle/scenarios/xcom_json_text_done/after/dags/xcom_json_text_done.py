import json
from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def produce():
    record("produce", 1)
    return json.dumps({"id": 7, "name": "x"})


@task
def gate():
    wait_gate()


@task
def work(v):
    record("work", json.loads(v)["id"])


@task
def final():
    record("final", "done")


with DAG("xcom_json_text_done", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    p = produce()
    w = work(p)
    p >> gate() >> w >> final()
