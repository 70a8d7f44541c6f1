from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator

COMMANDS = [f"echo {n}" for n in range(4)]
with DAG("classic", schedule=None, start_date=datetime(2025, 1, 1)):
    one = BashOperator(task_id="one", bash_command="true")
    one >> BashOperator.partial(task_id="many", trigger_rule="all_done").expand(bash_command=COMMANDS)
    BashOperator.partial(task_id="after", bash_command="true").expand(env=one.output)
