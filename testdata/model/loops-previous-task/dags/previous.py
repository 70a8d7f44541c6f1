from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

STEPS = ["a", "b", "c", "d"]
with DAG("previous", schedule=None, start_date=datetime(2025, 1, 1)):
    tasks = []
    for step in STEPS:
        tasks.append(EmptyOperator(task_id=step))
        if len(tasks) > 1:
            tasks[-2] >> tasks[-1]
    tasks[0] >> tasks[-1]
