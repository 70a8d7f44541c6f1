from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup

with DAG("no_leaf", schedule=None, start_date=datetime(2025, 1, 1)):
    with TaskGroup("g") as group:
        s = EmptyOperator(task_id="s").as_setup()
        w = EmptyOperator(task_id="w")
        t = EmptyOperator(task_id="t").as_teardown(setups=s)
        s >> w >> t
    # What comes after the group waits for its work, not for its teardown.
    group >> EmptyOperator(task_id="next")
