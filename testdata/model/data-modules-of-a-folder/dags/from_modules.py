import importlib
import os
from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

FEEDS = os.path.join(os.path.dirname(__file__), "feeds")

# Python leaves `__pycache__` beside them, and no order: neither matters here.
for name in os.listdir(FEEDS):
    if name.endswith(".py") and not name.startswith("__"):
        feed = importlib.import_module(f"feeds.{name[:-3]}")
        with DAG(f"feed_{feed.TABLE}", schedule=None, start_date=datetime(2025, 1, 1)) as dag:
            EmptyOperator(task_id=f"load_{feed.TABLE}")
        globals()[dag.dag_id] = dag
