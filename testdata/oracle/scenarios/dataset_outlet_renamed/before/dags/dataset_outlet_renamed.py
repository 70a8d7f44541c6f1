import os
import time
from datetime import datetime
from pathlib import Path

from airflow import DAG
from airflow.datasets import Dataset
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task(outlets=[Dataset("file:///dataset_outlet_renamed/rows")])
def publish():
    record("publish", 1)


@task
def final(run_id=None):
    """Whether the consumer has run; it is given 40 s."""
    mark = Path(os.environ["ORACLE_DIR"]) / "gate" / (run_id + ".consumed")
    for _ in range(40):
        if mark.exists():
            break
        time.sleep(1)
    record("final", mark.exists())


with DAG("dataset_outlet_renamed", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> publish() >> final()
