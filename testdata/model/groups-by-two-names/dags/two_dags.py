from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup

with DAG("outer_dag", schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id="a")
    with TaskGroup("g"):
        # The inner DAG has groups of its own.
        with DAG("inner_dag", schedule=None, start_date=datetime(2025, 1, 1)):
            EmptyOperator(task_id="b")
        EmptyOperator(task_id="c")
