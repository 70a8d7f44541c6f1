from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()
    return 7


@task
def fast():
    record("fast", 2)


@task
def work(ti=None):
    got = ti.xcom_pull(task_ids="gate")
    record("work", got)
    return got


@task
def final(x):
    record("final", x)


with DAG("trigger_rule_one_success", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    w = work()
    [gate(), fast()] >> w
    final(w)
