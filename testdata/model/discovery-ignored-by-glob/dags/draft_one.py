from datetime import datetime

from airflow import DAG

dag = DAG("draft_one", schedule=None, start_date=datetime(2025, 1, 1))
