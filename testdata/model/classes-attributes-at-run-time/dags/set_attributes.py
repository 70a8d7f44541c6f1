from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


class Steps:
    pass


with DAG("set_attributes", schedule=None, start_date=datetime(2025, 1, 1)):
    for name in ("a", "b"):
        setattr(Steps, name, EmptyOperator(task_id=name))
    Steps.a >> Steps.b
    vars(Steps())
