from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

STEPS = []


class Step:
    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        STEPS.append(cls)


class Extract(Step):
    pass


class Load(Step):
    pass


with DAG("registry", schedule=None, start_date=datetime(2025, 1, 1)):
    made = [EmptyOperator(task_id=step.__name__.lower()) for step in STEPS]
    made[0] >> made[1]
