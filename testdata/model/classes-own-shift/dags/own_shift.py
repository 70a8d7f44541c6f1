from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


class Backwards(EmptyOperator):
    def __rshift__(self, other):
        other.set_downstream(self)
        return other


with DAG("own_shift", schedule=None, start_date=datetime(2025, 1, 1)):
    Backwards(task_id="a") >> EmptyOperator(task_id="b")
