import os
from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator

if os.getenv("STAGE") == "prod":
    retries, command = 5, "prod"
else:
    retries, command = 0, "dev"

with DAG("without_effect", schedule=None, start_date=datetime(2025, 1, 1)):
    BashOperator(task_id="a", bash_command=command, retries=retries)
