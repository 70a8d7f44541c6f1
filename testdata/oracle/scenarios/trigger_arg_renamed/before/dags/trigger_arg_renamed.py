from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from operators.trigger_arg_renamed_op import WaitOperator
from oraclelib import record


@task
def final():
    record("final", "done")


with DAG("trigger_arg_renamed", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    WaitOperator(task_id="wait") >> final()
