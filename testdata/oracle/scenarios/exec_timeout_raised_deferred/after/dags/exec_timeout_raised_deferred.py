from datetime import datetime, timedelta

from airflow import DAG
from airflow.decorators import task
from operators.exec_timeout_raised_deferred_op import WaitOperator
from oraclelib import record


@task
def final():
    record("final", "done")


with DAG("exec_timeout_raised_deferred", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    WaitOperator(task_id="wait", execution_timeout=timedelta(hours=2)) >> final()
