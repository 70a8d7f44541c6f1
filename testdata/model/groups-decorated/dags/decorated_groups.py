from datetime import datetime

from airflow.decorators import dag, task, task_group


@task
def add(x, y=0):
    return x + y


@task_group(group_id="sums", prefix_group_id=True)
def sums(x):
    """The output of a group function is what the function returns."""
    first = add(x)
    return add(first, 2)


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def decorated_groups():
    one = sums(1)
    two = sums(one)
    add.override(task_id="last")(two)


decorated_groups()
