from datetime import datetime

from airflow.decorators import dag, task


@task(task_id="named", trigger_rule="all_done")
def work(x=None):
    return x


@dag(dag_id="override", schedule=None, start_date=datetime(2025, 1, 1))
def build():
    small = work.override(task_id="small")
    a = small()
    b = small.override(trigger_rule="one_success")(a)
    work(b)


build()
