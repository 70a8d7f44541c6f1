from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.exceptions import AirflowSkipException
from oraclelib import record, wait_gate


@task
def start():
    record("side", "start")


@task
def gate():
    wait_gate()


@task
def extra():
    raise AirflowSkipException("nothing to do")


@task(trigger_rule="none_failed_min_one_success")
def report():
    record("side", "report")


@task(trigger_rule="none_failed")
def final():
    record("final", "done")


with DAG("direct_edge_removed_min_one_success", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    s = start()
    r = report()
    s >> gate() >> extra() >> r >> final()
    s >> r
