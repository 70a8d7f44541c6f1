from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.python import PythonOperator
from oraclelib import record, wait_gate


@task(multiple_outputs=True)
def prepare():
    record("prepare", 7)
    return {"day": 1}


@task
def gate():
    wait_gate()


def show(n):
    record("final", n + 0)


with DAG("xcom_opkwargs_xcomarg_key_gone", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    p = prepare()
    end = PythonOperator(task_id="final", python_callable=show, op_kwargs={"n": p["count"]})
    gate() >> p >> end
