from datetime import datetime

from airflow import DAG
from airflow.models import BaseOperator
from airflow.operators.empty import EmptyOperator


class Guarded(BaseOperator):
    def __init__(self, task_id, **kwargs):
        super().__init__(task_id=task_id, **kwargs)
        self.check = EmptyOperator(task_id=f"{task_id}_check")
        self.check >> self

    def execute(self, context):
        pass


with DAG("makes_tasks", schedule=None, start_date=datetime(2025, 1, 1)):
    Guarded(task_id="a") >> Guarded(task_id="b")
