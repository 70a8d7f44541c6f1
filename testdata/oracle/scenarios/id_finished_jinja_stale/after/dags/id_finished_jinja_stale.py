from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.python import PythonOperator
from oraclelib import record, wait_gate


@task
def make():
    record("prepare", 7)
    return 7


@task
def gate():
    wait_gate()


def show(n):
    record("final", int(n))


with DAG("id_finished_jinja_stale", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    end = PythonOperator(task_id="final", python_callable=show, op_kwargs={"n": "{{ ti.xcom_pull(task_ids='prepare') }}"})
    make() >> gate() >> end
