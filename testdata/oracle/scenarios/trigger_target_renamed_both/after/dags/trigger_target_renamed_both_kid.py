from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record


@task
def hello():
    return 1


with DAG("trigger_target_renamed_both_child", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    hello()
