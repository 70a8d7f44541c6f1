import os
from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG("both_ways", schedule=None, start_date=datetime(2025, 1, 1)):
    if os.getenv("STAGE") == "prod":
        a = BashOperator(task_id="a", bash_command="prod")
    else:
        a = BashOperator(task_id="a", bash_command="dev")
    a >> BashOperator(task_id="b", bash_command="true")
