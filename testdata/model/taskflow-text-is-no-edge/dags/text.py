from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.bash import BashOperator

with DAG("text", schedule=None, start_date=datetime(2025, 1, 1)):
    first = BashOperator(task_id="first", bash_command="echo 1")
    # The output in a text is a template, which Airflow does not read for edges.
    BashOperator(task_id="second", bash_command=f"echo {first.output}")
    BashOperator(task_id="third", bash_command="echo {{ ti.xcom_pull('first') }}")
