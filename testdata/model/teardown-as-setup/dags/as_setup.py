from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("as_setup", schedule=None, start_date=datetime(2025, 1, 1)):
    create = EmptyOperator(task_id="create").as_setup()
    work = EmptyOperator(task_id="work")
    remove = EmptyOperator(task_id="remove").as_teardown(setups=create)
    create >> work >> remove
    remove >> EmptyOperator(task_id="after")
