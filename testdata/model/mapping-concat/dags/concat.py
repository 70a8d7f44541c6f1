from datetime import datetime

from airflow.decorators import dag, task


@task
def one():
    return [1]


@task
def two():
    return [2]


@task
def show(x):
    print(x)


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def concat():
    show.expand(x=one().concat(two()))


concat()
