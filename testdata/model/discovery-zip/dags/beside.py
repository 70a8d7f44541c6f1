from datetime import datetime

from airflow import DAG

dag = DAG("beside", schedule=None, start_date=datetime(2025, 1, 1))
