from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.python import PythonOperator
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


def load(n):
    record("load", n)


@task
def final():
    record("final", "done")


with DAG("m_builder_function", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    todo = PythonOperator(task_id="load", python_callable=load, op_kwargs={"n": 1}, retries=0)
    gate() >> todo >> final()
