from datetime import datetime

from airflow.decorators import dag, task


@task
def numbers():
    return [1, 2]


@task
def letters():
    return ["a"]


@task
def show(pair, again=None):
    print(pair, again)


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def map_zip():
    ones, others = numbers(), letters()
    show.expand(pair=ones.zip(others, fillvalue=0))
    show.expand(pair=ones.map(lambda n: n + 1), again=others)


map_zip()
