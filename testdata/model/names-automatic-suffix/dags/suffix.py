from datetime import datetime

from airflow.decorators import dag, task


@task
def step(x=None):
    return x


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def suffix():
    a = step()
    b = step(a)
    step.override(task_id="step__7")(b)
    step()


suffix()
