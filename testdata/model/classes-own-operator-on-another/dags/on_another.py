from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator


class Shell(BashOperator):
    command = "true"

    def __init__(self, **kwargs):
        super().__init__(bash_command=self.command, **kwargs)


class Loud(Shell):
    command = "echo"

    def __init__(self, name, **kwargs):
        super().__init__(task_id=f"loud_{name}", trigger_rule="all_done", **kwargs)


class Plain(Shell):
    pass


with DAG("on_another", schedule=None, start_date=datetime(2025, 1, 1)):
    Loud(name="a") >> Plain(task_id="b")
