from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


class Renaming(type):
    def __call__(cls, name):
        return super().__call__(name + "_made")


class Step(metaclass=Renaming):
    def __init__(self, name):
        self.task = EmptyOperator(task_id=name)


with DAG("meta", schedule=None, start_date=datetime(2025, 1, 1)):
    Step("a").task >> Step("b").task
