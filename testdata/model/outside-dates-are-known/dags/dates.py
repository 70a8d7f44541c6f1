from datetime import date, datetime, timedelta

from airflow import DAG
from airflow.operators.empty import EmptyOperator

FIRST = date(2024, 2, 28)
with DAG("dates", schedule=timedelta(days=1), start_date=datetime(2024, 1, 1)):
    for day in range(3):
        EmptyOperator(task_id=f"day_{(FIRST + timedelta(days=day)).strftime('%Y_%m_%d')}")
