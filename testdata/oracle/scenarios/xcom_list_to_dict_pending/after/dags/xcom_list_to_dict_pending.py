from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def prepare():
    record("prepare", 7)
    return {"a": 3, "b": 4}


@task
def gate():
    wait_gate()


@task
def final(xs):
    record("final", sum(xs))


with DAG("xcom_list_to_dict_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    p = prepare()
    gate() >> p
    final(p)
