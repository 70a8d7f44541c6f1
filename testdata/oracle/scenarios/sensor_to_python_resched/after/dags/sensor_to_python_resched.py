from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record


@task
def wait():
    record("sensed", 1)


@task
def final():
    record("final", "done")


with DAG("sensor_to_python_resched", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    wait() >> final()
