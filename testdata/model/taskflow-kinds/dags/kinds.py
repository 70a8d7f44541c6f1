from datetime import datetime

from airflow.decorators import dag, task


@task.branch
def choose():
    return "left"


@task.short_circuit(task_id="stop_here")
def stop():
    return False


@task.sensor(poke_interval=60)
def wait():
    return True


@task.external_python(python="/usr/bin/python3")
def elsewhere():
    return 1


@task
def left():
    return 1


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def kinds():
    wait() >> choose() >> [left(), stop() >> elsewhere()]


kinds()
