from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from etl import settings
from etl.settings import LOAD as LOAD_ID

with DAG(settings.DAG_ID, schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id="extract") >> EmptyOperator(task_id=LOAD_ID)
