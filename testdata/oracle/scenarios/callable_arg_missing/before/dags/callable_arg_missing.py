from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.python import PythonOperator
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


def show(count):
    record("final", count)


with DAG("callable_arg_missing", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> PythonOperator(task_id="final", python_callable=show, op_args=[7])
