from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task(max_active_tis_per_dagrun=1)
def work(x):
    name, size = x
    if name == "b":
        wait_gate()
    record(f"item:{name}", size)


@task
def final():
    record("final", "done")


with DAG("map_dict_order_mid", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    work.expand(x={"a": 1, "b": 2, "c": 3}) >> final()
