from datetime import datetime
from collections import namedtuple
from typing import NamedTuple

from airflow import DAG
from airflow.operators.empty import EmptyOperator

Edge = namedtuple("Edge", "up down")


class Step(NamedTuple):
    name: str
    rule: str = "all_success"


with DAG("tuples", schedule=None, start_date=datetime(2025, 1, 1)) as dag:
    for step in [Step("a"), Step("b", rule="all_done")]:
        EmptyOperator(task_id=step.name, trigger_rule=step.rule)
    for up, down in [Edge("a", "b")]:
        dag.get_task(up) >> dag.get_task(down)
