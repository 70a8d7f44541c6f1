from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup

with DAG("before_tasks", schedule=None, start_date=datetime(2025, 1, 1)):
    start = EmptyOperator(task_id="start")
    with TaskGroup("group") as group:
        EmptyOperator(task_id="known")
        # Only the tasks that the group has by now get the edge.
        start >> group
        EmptyOperator(task_id="too_late")
