from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

JOBS = [{"kind": "copy", "to": ["x", "y"]}, {"kind": "wait"}, ("pair", 3), "text"]
with DAG("matched", schedule=None, start_date=datetime(2025, 1, 1)):
    for job in JOBS:
        match job:
            case {"kind": "copy", "to": [first, *rest]}:
                EmptyOperator(task_id=f"copy_{first}_{len(rest)}")
            case {"kind": kind}:
                EmptyOperator(task_id=kind)
            case (name, int(number)) if number > 2:
                EmptyOperator(task_id=f"{name}_{number}")
            case str() as text:
                EmptyOperator(task_id=text)
