from datetime import datetime

from airflow import DAG
from names.there import B

with DAG("missing_name", schedule=None, start_date=datetime(2025, 1, 1)):
    pass
