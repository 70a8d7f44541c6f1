from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("comprehended", schedule=None, start_date=datetime(2025, 1, 1)):
    done = EmptyOperator(task_id="done")
    loads = {n: EmptyOperator(task_id=f"load_{n}") for n in range(4) if n % 2}
    [EmptyOperator(task_id=f"{a}{b}") for a in "xy" for b in "12" if a + b != "y1"] >> done
    list(loads.values()) >> done
