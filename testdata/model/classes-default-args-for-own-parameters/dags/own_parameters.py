from datetime import datetime

from airflow import DAG
from airflow.models import BaseOperator


class Named(BaseOperator):
    def __init__(self, region, **kwargs):
        super().__init__(**kwargs)
        self.region = region


class Deep(Named):
    def __init__(self, **kwargs):
        super().__init__(task_id="deep", **kwargs)


with DAG("own_parameters", schedule=None, start_date=datetime(2025, 1, 1), default_args={"region": "eu", "trigger_rule": "all_done"}):
    Named(task_id="a")
    Deep()
