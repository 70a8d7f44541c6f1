from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.python import PythonOperator
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


def work():
    record("work", 1)


@task
def final():
    record("final", "done")


with DAG("m_task_to_python_operator", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> PythonOperator(task_id="work", python_callable=work) >> final()
