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


with DAG("template_file_removed_pending", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> BashOperator(task_id="load", bash_command="template_file_removed_pending.sh") >> final()
