from datetime import datetime

from airflow import DAG
from loop.one import ONE

with DAG(ONE, schedule=None, start_date=datetime(2025, 1, 1)):
    pass
