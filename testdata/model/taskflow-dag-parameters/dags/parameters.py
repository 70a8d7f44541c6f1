from datetime import datetime

from airflow.decorators import dag, task


@task
def show(name):
    print(name)


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def parameters(name: str = "x", count: int = 2):
    # A parameter stands for the value of a run; it is no constant.
    show(name)
    for number in range(2):
        show.override(task_id=f"show_{number}")(count)


parameters()
