from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup

with DAG("group_cycle", schedule=None, start_date=datetime(2025, 1, 1)):
    with TaskGroup("g") as group:
        a = EmptyOperator(task_id="a")
        b = EmptyOperator(task_id="b")
    c = EmptyOperator(task_id="c")
    # Every task of the group comes before `c`, and `a` after it.
    group >> c >> a
