from datetime import datetime

from airflow.decorators import dag, task, task_group


@task
def part(x):
    return [x]


@task_group
def group(xs):
    return part.expand(x=part.override(task_id="first")(xs))


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def in_group():
    group(1) >> group(2)


in_group()
