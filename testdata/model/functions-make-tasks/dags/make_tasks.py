from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


def load(table, *, after=None, suffix="_load", **kwargs):
    task = EmptyOperator(task_id=table + suffix, **kwargs)
    if after:
        task.set_upstream(after)
    return task


with DAG("make_tasks", schedule=None, start_date=datetime(2025, 1, 1)):
    orders = load("orders")
    load("refunds", after=orders, trigger_rule="all_done")
    load(suffix="_only", table="x")
