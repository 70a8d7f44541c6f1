from datetime import datetime

from airflow.decorators import dag, task
from sites.all import SITES


@task
def visit(site, round):
    print(site, round)


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def computed():
    for round in (1, 2):
        visit.override(task_id=f"visit_{round}").partial(round=round).expand(site=SITES * round)


computed()
