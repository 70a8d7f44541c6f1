from datetime import datetime

from airflow.decorators import dag, task, task_group


@task
def numbers():
    return [1, 2]


@task
def step(x, y=0):
    return x


@task_group
def stage(x, y):
    return step(step(x), y)


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def mapped_group():
    first = stage.partial(y=1).expand(x=[1, 2, 3])
    step.override(task_id="gather")(first)
    stage.override(group_id="given").expand(x=numbers(), y=[1, 2])


mapped_group()
