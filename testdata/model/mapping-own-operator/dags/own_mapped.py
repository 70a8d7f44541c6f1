from datetime import datetime

from airflow import DAG
from airflow.models import BaseOperator


class Load(BaseOperator):
    def __init__(self, table, **kwargs):
        super().__init__(**kwargs)
        self.table = table


with DAG("own_mapped", schedule=None, start_date=datetime(2025, 1, 1)):
    # Airflow does not run `__init__` until the task runs.
    Load.partial(task_id="load").expand(table=["a", "b"])
