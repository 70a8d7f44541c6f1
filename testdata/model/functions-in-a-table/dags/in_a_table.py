from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator
from airflow.operators.empty import EmptyOperator

KINDS = {
    "shell": lambda name: BashOperator(task_id=name, bash_command="true"),
    "none": lambda name: EmptyOperator(task_id=f"no_{name}"),
}
with DAG("in_a_table", schedule=None, start_date=datetime(2025, 1, 1)):
    for kind, name in [("shell", "a"), ("none", "b")]:
        KINDS[kind](name)
