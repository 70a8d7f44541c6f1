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


with DAG("m_loop_order", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    g = gate()
    end = final()
    for name in ["b", "a"]:
        g >> PythonOperator(task_id=f"load_{name}", python_callable=load, op_args=[name]) >> end
