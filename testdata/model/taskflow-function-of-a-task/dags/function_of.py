from datetime import datetime

from airflow.decorators import dag, task


@task
def double(x):
    return 2 * x


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def function_of():
    # The plain function of a task is still there, and makes none.
    for number in range(double.function(1)):
        double.override(task_id=f"double_{number}")(number)


function_of()
