from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from operators.task_deferred_to_added_edge_op import WaitOperator
from oraclelib import record


@task
def final():
    record("final", "done")


with DAG("task_deferred_to_added_edge", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    w = WaitOperator(task_id="wait")
    w >> final()
