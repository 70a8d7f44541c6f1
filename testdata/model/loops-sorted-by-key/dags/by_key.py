from datetime import datetime

from airflow import DAG
from airflow.models.baseoperator import chain
from airflow.operators.empty import EmptyOperator

JOBS = [{"name": "c", "rank": 2}, {"name": "a", "rank": 2}, {"name": "b", "rank": 1}]
with DAG("by_key", schedule=None, start_date=datetime(2025, 1, 1)):
    chain(*(EmptyOperator(task_id=job["name"]) for job in sorted(JOBS, key=lambda job: (job["rank"], job["name"]))))
