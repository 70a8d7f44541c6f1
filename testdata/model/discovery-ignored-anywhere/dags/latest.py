from datetime import datetime

from airflow import DAG

# A regular expression is looked for anywhere in the path: `latest.py` holds `test`.
dag = DAG("latest", schedule=None, start_date=datetime(2025, 1, 1))
