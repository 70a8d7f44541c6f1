from datetime import datetime

from airflow.decorators import dag, task


@task
def show():
    print(1)


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def id_parameter(name: str = "x"):
    show.override(task_id=f"show_{name}")()


id_parameter()
