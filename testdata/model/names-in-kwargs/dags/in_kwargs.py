from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

COMMON = {"trigger_rule": "all_done", "retries": 1}
TASKS = [{"task_id": "a"}, {"task_id": "b", "trigger_rule": "one_failed"}]
with DAG(**{"dag_id": "in_kwargs", "schedule": None, "start_date": datetime(2025, 1, 1)}):
    for extra in TASKS:
        EmptyOperator(**{**COMMON, **extra})
