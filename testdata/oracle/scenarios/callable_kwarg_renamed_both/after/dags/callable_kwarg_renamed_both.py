from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.python import PythonOperator
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


def show(total, factor=2):
    record("final", int(total) * factor)


with DAG("callable_kwarg_renamed_both", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    end = PythonOperator(task_id="final", python_callable=show, op_kwargs={"total": 7})
    gate() >> end
