from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

try:
    from cosmos import DbtTaskGroup
except ImportError:
    DbtTaskGroup = None

with DAG("built_elsewhere", schedule=None, start_date=datetime(2025, 1, 1)):
    start = EmptyOperator(task_id="start")
    if DbtTaskGroup:
        start >> DbtTaskGroup(group_id="dbt")
