from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


class Steps:
    def clean(self):
        return EmptyOperator(task_id="clean")

    def load(self):
        return EmptyOperator(task_id="load")


with DAG("by_name", schedule=None, start_date=datetime(2025, 1, 1)):
    steps = Steps()
    getattr(steps, "clean")() >> getattr(steps, "lo" + "ad")()
