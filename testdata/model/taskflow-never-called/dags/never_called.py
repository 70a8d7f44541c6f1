from datetime import datetime

from airflow.decorators import dag, task


@task
def used():
    return 1


@task
def unused():
    return 2


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def never_called():
    used()
    # Without a call there is no task.
    unused


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def never_built():
    used()


never_called()
