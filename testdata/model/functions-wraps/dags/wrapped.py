import functools
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


def logged(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner


def by_place(function):
    @functools.wraps(function)
    def inner(*args):
        return function(*args)

    return inner


@task
@logged
def load(day) -> dict:
    return {"day": day}


@task
@by_place
def report(day):
    return day


with DAG("wrapped", schedule=None, start_date=datetime(2025, 1, 1)):
    load.expand(day=[1, 2]) >> report(day=3)
    load(day=4)
