from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from operators.defer_method_alias_kept_op import WaitOperator
from oraclelib import record


@task
def final():
    record("final", "done")


with DAG("defer_method_alias_kept", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    WaitOperator(task_id="wait") >> final()
