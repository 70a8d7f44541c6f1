from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup

with DAG("group_suffix", schedule=None, start_date=datetime(2025, 1, 1)):
    for _ in range(3):
        with TaskGroup("g", add_suffix_on_collision=True):
            EmptyOperator(task_id="t")
