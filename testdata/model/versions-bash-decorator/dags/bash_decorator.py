from datetime import datetime

from airflow.decorators import dag, task


@task.bash
def shell():
    return "true"


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def bash_decorator():
    shell()


bash_decorator()
