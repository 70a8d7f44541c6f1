from datetime import datetime

from airflow.decorators import dag, task


@task
def add(x, y):
    return x + y


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def literal():
    add.partial(y=1).expand(x=[1, 2, 3])
    add.expand(x=["a", "b"], y=["c", "d", "e"])
    add.partial(x=0).expand(y={"k": 1, "l": 2})


literal()
