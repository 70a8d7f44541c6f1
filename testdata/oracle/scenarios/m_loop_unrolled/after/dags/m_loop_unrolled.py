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


with DAG("m_loop_unrolled", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    g = gate()
    end = final()
    g >> PythonOperator(task_id="load_a", python_callable=load, op_args=["a"]) >> end
    g >> PythonOperator(task_id="load_b", python_callable=load, op_args=["b"]) >> end
