from datetime import datetime

from airflow.decorators import dag, setup, task, teardown


@setup
def create():
    return "cluster"


@task
def work(x):
    return x


@teardown(on_failure_fail_dagrun=True)
def remove(x):
    print(x)


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def teardown_decorators():
    with create() as cluster:
        done = work(cluster)
        remove(cluster)
    work.override(task_id="report")(done)


teardown_decorators()
