from datetime import datetime

from airflow import DAG

DAG("old_one", schedule=None, start_date=datetime(2025, 1, 1))
dag = DAG("old_one", schedule=None, start_date=datetime(2025, 1, 1))
