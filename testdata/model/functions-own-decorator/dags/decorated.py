import functools
from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


def between(start, end):
    def wrap(function):
        @functools.wraps(function)
        def inner(*args, **kwargs):
            middle = function(*args, **kwargs)
            EmptyOperator(task_id=f"{function.__name__}_{start}") >> middle
            middle >> EmptyOperator(task_id=f"{function.__name__}_{end}")
            return middle

        return inner

    return wrap


@between("in", end="out")
def work(name):
    return EmptyOperator(task_id=name)


with DAG("decorated", schedule=None, start_date=datetime(2025, 1, 1)):
    work("x")
