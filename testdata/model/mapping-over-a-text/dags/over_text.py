from datetime import datetime

from airflow.decorators import dag, task


@task
def show(x):
    print(x)


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def over_text():
    # Only lists, dicts and outputs can be mapped over.
    show.expand(x="abc")


over_text()
