from datetime import datetime

from airflow.decorators import dag, task


@task
def show(x):
    print(x)


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def no_elements():
    show.expand(x=[])


no_elements()
