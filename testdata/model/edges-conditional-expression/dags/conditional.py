from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

WITH_CHECK = True
with DAG("conditional", schedule=None, start_date=datetime(2025, 1, 1)):
    a, b = EmptyOperator(task_id="a"), EmptyOperator(task_id="b")
    check = EmptyOperator(task_id="check") if WITH_CHECK else None
    (a >> check if check else a) >> b
