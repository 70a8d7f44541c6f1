from datetime import datetime

from airflow import DAG

dag = DAG("stray", schedule=None, start_date=datetime(2025, 1, 1))
