from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate

STEP = 1


@task(max_active_tis_per_dagrun=1)
def work(x, y):
    if x == "b":
        wait_gate()
    record(f"item:{x}:{y}", x)


@task
def final():
    record("final", "done")


with DAG("m_expand_partial_constant_mid", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    work.partial(y=STEP).expand(x=["a", "b", "c"]) >> final()
