from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


def tree(name, depth):
    node = EmptyOperator(task_id=name)
    if depth:
        for side in "lr":
            node >> tree(name + side, depth - 1)
    return node


with DAG("tree", schedule=None, start_date=datetime(2025, 1, 1)):
    tree("t", 2)
