from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup

with DAG("empty_within", schedule=None, start_date=datetime(2025, 1, 1)):
    with TaskGroup("one") as one:
        with TaskGroup("hollow"):
            pass
        EmptyOperator(task_id="a")
    one >> EmptyOperator(task_id="b")
