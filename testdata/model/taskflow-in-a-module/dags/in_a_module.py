from datetime import datetime

from airflow.decorators import dag
from flow.tasks import loudly, quietly, shout


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def in_a_module():
    loudly(quietly(shout("a")))


in_a_module()
