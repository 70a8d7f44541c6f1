from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from conf.load import jobs

with DAG("from_yaml", schedule=None, start_date=datetime(2025, 1, 1)):
    for job in jobs():
        EmptyOperator(task_id=job["name"].split(":")[0], trigger_rule=job["rule"] or "all_success")
