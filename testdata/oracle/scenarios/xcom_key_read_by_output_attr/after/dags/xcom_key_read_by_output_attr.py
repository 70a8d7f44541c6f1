from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from operators.xcom_key_read_by_output_attr_op import KeyOperator
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def final(x):
    record("final", x)


with DAG("xcom_key_read_by_output_attr", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    k = KeyOperator(task_id="make")
    end = final(k.output["lines"])
    k >> gate() >> end
