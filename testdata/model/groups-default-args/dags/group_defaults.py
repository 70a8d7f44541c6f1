from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup

with DAG("group_defaults", schedule=None, start_date=datetime(2025, 1, 1), default_args={"trigger_rule": "all_done"}):
    EmptyOperator(task_id="a")
    with TaskGroup("g", default_args={"trigger_rule": "one_success"}):
        EmptyOperator(task_id="b")
        EmptyOperator(task_id="c", trigger_rule="always")
        with TaskGroup("h", default_args={"retries": 1}):
            EmptyOperator(task_id="d")
