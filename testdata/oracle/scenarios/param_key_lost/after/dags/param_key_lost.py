from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.bash import BashOperator
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def final():
    record("final", "done")


with DAG("param_key_lost", schedule=None, start_date=datetime(2024, 1, 1), catchup=False, params={"target": {"host": "h:1"}}) as dag:
    work = BashOperator(task_id="work", bash_command="echo {{ params.target.port }}")
    gate() >> work >> final()
