from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.bash import BashOperator


@task
def settings():
    return [{"bash_command": "true"}]


with DAG("expand_kwargs", schedule=None, start_date=datetime(2025, 1, 1)):
    BashOperator.partial(task_id="literal").expand_kwargs([{"bash_command": "a"}, {"bash_command": "b", "env": {}}])
    BashOperator.partial(task_id="given").expand_kwargs(settings())
