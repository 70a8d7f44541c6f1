from datetime import datetime
from typing import TypedDict

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


class Report(TypedDict):
    total: int
    day: int


@task(multiple_outputs=False)
def prepare() -> Report:
    record("prepare", 7)
    return Report(total=7, day=1)


@task
def gate():
    wait_gate()


@task
def final(x):
    record("final", x["count"])


with DAG("xcom_typeddict_field_renamed_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    p = prepare()
    gate() >> p
    final(p)
