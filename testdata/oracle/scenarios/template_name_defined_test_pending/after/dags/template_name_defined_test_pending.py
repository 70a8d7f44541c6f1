from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.python import PythonOperator
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


def load(day):
    record("load", 1)


@task
def final():
    record("final", "done")


with DAG("template_name_defined_test_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> PythonOperator(task_id="load", python_callable=load, op_kwargs={"day": "{{ dss if dss is defined else ds }}"}) >> final()
