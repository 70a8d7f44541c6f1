from datetime import datetime

from airflow import DAG


def make(name):
    return DAG(name, schedule=None, start_date=datetime(2025, 1, 1))
