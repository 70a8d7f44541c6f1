from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task(max_active_tis_per_dagrun=1)
def work(x, y=0):
    if x == "b":
        wait_gate()
    record(f"item:{x}", x)


@task
def final():
    record("final", "done")


with DAG("map_kwargs_key_added_mid", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    work.expand_kwargs([{"x": "a", "y": 0}, {"x": "b", "y": 0}, {"x": "c", "y": 0}]) >> final()
