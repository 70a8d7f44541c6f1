from datetime import datetime

from airflow.decorators import dag, task


@task
def part(n):
    return n


@task
def show(x, y):
    print(x, y)


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def list_of_outputs():
    show.partial(y=part(9)).expand(x=[part(n) for n in range(3)] + [7])


list_of_outputs()
