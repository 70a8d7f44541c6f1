from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup


def stage(name):
    with TaskGroup(name) as group:
        a, b, c = (EmptyOperator(task_id=x) for x in "abc")
        [a, b] >> c
        EmptyOperator(task_id="alone")
    return group


with DAG("between", schedule=None, start_date=datetime(2025, 1, 1)):
    # The last tasks of one group come before the first tasks of the other.
    stage("one") >> [stage("two"), EmptyOperator(task_id="side")] >> stage("three")
