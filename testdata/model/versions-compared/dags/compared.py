from datetime import datetime

from packaging.version import Version

from airflow import DAG, __version__
from airflow.operators.empty import EmptyOperator

with DAG("compared", schedule=None, start_date=datetime(2025, 1, 1)):
    if Version(__version__) >= Version("3.0.0"):
        EmptyOperator(task_id="new")
    elif __version__.startswith("2.6"):
        EmptyOperator(task_id="oldest")
    else:
        EmptyOperator(task_id="old")
