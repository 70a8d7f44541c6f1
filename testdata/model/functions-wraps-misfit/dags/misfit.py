import functools
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


def logged(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner


@task
@logged
def load(day) -> dict:
    return {"day": day}


with DAG("misfit", schedule=None, start_date=datetime(2025, 1, 1)):
    load()
