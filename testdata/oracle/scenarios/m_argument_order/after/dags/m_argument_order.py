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


with DAG("m_argument_order", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    todo = PythonOperator(retries=0, op_kwargs={"n": 1}, python_callable=load, task_id="load")
    gate() >> todo >> final()
