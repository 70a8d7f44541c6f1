from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def ready():
    record("ready", 1)


with DAG("ext_sensor_dag_removed_src", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> ready()
