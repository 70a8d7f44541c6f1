from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG("no_template", schedule=None, start_date=datetime(2025, 1, 1)):
    first = BashOperator(task_id="first", bash_command="echo 1")
    # In Airflow 2.6 `cwd` is no template field, and the output there is no edge.
    BashOperator(task_id="second", bash_command="true", cwd=first.output)
