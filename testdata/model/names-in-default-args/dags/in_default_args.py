from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG("in_default_args", schedule=None, start_date=datetime(2025, 1, 1), default_args={"task_id": "only", "bash_command": "true", "trigger_rule": "always"}):
    BashOperator()
