from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


def build(name, steps):
    dag = DAG(dag_id=f"made_{name}", schedule=None, start_date=datetime(2025, 1, 1))
    with dag:
        last = None
        for step in steps:
            task = EmptyOperator(task_id=step)
            if last:
                last >> task
            last = task
    return dag
