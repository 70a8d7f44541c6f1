from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.python import PythonOperator
from oraclelib import record, wait_gate


@task
def prepare():
    record("prepare", 7)
    return {"total": 7, "day": 1}


@task
def gate():
    wait_gate()


def show(n):
    record("final", int(n))


with DAG("jinja_key_gone_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    end = PythonOperator(task_id="final", python_callable=show, op_kwargs={"n": "{{ ti.xcom_pull(task_ids='prepare')['count'] }}"})
    gate() >> prepare() >> end
