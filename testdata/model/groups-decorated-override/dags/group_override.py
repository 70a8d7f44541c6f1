from datetime import datetime

from airflow.decorators import dag, task, task_group


@task
def work(x):
    return x


@task_group
def stage(x):
    return work(x)


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def group_override():
    for name in ("red", "blue"):
        stage.override(group_id=name)(name) >> work.override(task_id=f"after_{name}")(1)


group_override()
