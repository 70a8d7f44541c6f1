from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def prepare():
    record("prepare", 7)
    return {"count": 7, "day": 1}


@task
def gate():
    wait_gate()


@task
def final(x):
    record("final", x["count"])


with DAG("m_dict_literal_to_call", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    p = prepare()
    end = final(p)
    gate() >> p >> end
