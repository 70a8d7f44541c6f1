from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("taken_away", schedule=None, start_date=datetime(2025, 1, 1)):
    a, b = EmptyOperator(task_id="a"), EmptyOperator(task_id="b")
    a >> b
    a.downstream_task_ids.clear()
    b.upstream_task_ids.clear()
