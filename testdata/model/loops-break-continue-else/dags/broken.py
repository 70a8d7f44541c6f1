from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("broken", schedule=None, start_date=datetime(2025, 1, 1)):
    for name in ["a", "skip", "b", "stop", "never"]:
        if name == "skip":
            continue
        if name == "stop":
            break
        EmptyOperator(task_id=name)
    else:
        EmptyOperator(task_id="not_reached")
    for name in []:
        break
    else:
        EmptyOperator(task_id="reached")
