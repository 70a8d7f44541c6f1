from datetime import datetime

from airflow.decorators import dag, task


@task
def names():
    return ["a", "b"]


@task
def size(name):
    return len(name)


@task
def total(sizes):
    print(sum(sizes))


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def over_task():
    total(size.expand(name=names()))


over_task()
