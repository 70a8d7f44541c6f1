from datetime import datetime

from airflow.decorators import dag, task
from airflow.models import Variable


@task
def show(x):
    print(x)


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def over_variable():
    show.expand(x=Variable.get("sites", default_var=["a"], deserialize_json=True))


over_variable()
