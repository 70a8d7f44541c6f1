from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup

other = DAG("other", schedule=None, start_date=datetime(2025, 1, 1))
with DAG("around", schedule=None, start_date=datetime(2025, 1, 1)):
    with TaskGroup("g"):
        # It is given its DAG; the open group is its group all the same.
        EmptyOperator(task_id="b", dag=other)
        EmptyOperator(task_id="c")
