from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


def pair(name):
    first, second = EmptyOperator(task_id=f"{name}_1"), EmptyOperator(task_id=f"{name}_2")
    first >> second
    return first, second


with DAG("return_several", schedule=None, start_date=datetime(2025, 1, 1)):
    a_in, a_out = pair("a")
    b_in, b_out = pair("b")
    a_out >> b_in
