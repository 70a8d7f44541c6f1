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
    record("final", int(params["amount"]))


with DAG("param_renamed_conf_given", schedule=None, start_date=datetime(2024, 1, 1), catchup=False, params={"amount": Param(3)}) as dag:
    gate() >> final()
