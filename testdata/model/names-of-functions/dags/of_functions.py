from datetime import datetime

from airflow.decorators import dag, task, task_group


@task
def Load_It():
    return 1


@task_group
def inner():
    Load_It()


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def nightly_run():
    inner()


nightly_run()
