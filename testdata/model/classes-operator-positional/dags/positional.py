from datetime import datetime

from airflow import DAG
from airflow.models import BaseOperator


class Load(BaseOperator):
    def __init__(self, table, **kwargs):
        super().__init__(task_id=f"load_{table}", **kwargs)


with DAG("positional", schedule=None, start_date=datetime(2025, 1, 1)):
    # Operators take keywords only, whatever their `__init__` says.
    Load("orders")
