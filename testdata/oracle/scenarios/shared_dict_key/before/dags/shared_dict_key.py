from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from shared_dict_key_lib.core import SETTINGS
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def work():
    record("work", SETTINGS["table"])


@task
def final():
    record("final", "done")


with DAG("shared_dict_key", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> work() >> final()
