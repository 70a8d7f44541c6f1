from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("context", schedule=None, start_date=datetime(2025, 1, 1)):
    create = EmptyOperator(task_id="create")
    remove = EmptyOperator(task_id="remove")
    with remove.as_teardown(setups=create):
        EmptyOperator(task_id="a") >> EmptyOperator(task_id="b")
        EmptyOperator(task_id="c")
