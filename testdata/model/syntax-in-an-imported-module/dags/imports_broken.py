from datetime import datetime

from airflow import DAG
from broken.module import NAME

with DAG(NAME, schedule=None, start_date=datetime(2025, 1, 1)):
    pass
