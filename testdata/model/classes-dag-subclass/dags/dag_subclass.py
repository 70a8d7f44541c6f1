from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


class TeamDag(DAG):
    def __init__(self, name, **kwargs):
        super().__init__(dag_id=f"team_{name}", schedule=None, start_date=datetime(2025, 1, 1), **kwargs)


with TeamDag("a") as dag:
    EmptyOperator(task_id="run")
