from datetime import datetime

from airflow import DAG
from airflow.decorators import task

try:
    from airflow.providers.standard.operators.latest_only import LatestOnlyOperator
except ImportError:
    from airflow.operators.latest_only import LatestOnlyOperator
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def work():
    record("side", "work")


@task(trigger_rule="none_failed")
def final():
    record("final", "done")


with DAG("latest_only_edge_added_done", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    latest = LatestOnlyOperator(task_id="latest")
    g = gate()
    w = work()
    latest >> g >> w
    g >> final()
    latest >> w
