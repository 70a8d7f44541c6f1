from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.models.param import Param
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def final(params=None):
    record("final", int(params["size"]))


with DAG("param_type_stricter_conf_fits", schedule=None, start_date=datetime(2024, 1, 1), catchup=False, params={"size": Param(3, type="integer")}) as dag:
    gate() >> final()
