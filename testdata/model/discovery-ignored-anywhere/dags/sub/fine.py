from datetime import datetime

from airflow import DAG

dag = DAG("fine", schedule=None, start_date=datetime(2025, 1, 1))
