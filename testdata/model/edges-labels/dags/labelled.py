from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.edgemodifier import Label
from airflow.utils.task_group import TaskGroup

with DAG("labelled", schedule=None, start_date=datetime(2025, 1, 1)):
    a, b, c = (EmptyOperator(task_id=x) for x in "abc")
    with TaskGroup("g") as group:
        EmptyOperator(task_id="d")
    a >> Label("yes") >> [b, c]
    [b, c] >> Label("both") >> group
    a << Label("back") << EmptyOperator(task_id="z")
