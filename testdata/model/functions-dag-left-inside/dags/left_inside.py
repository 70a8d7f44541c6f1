from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


def entered():
    with DAG("inside_entered", schedule=None, start_date=datetime(2025, 1, 1)):
        EmptyOperator(task_id="a")


def passed():
    dag = DAG("inside_passed", schedule=None, start_date=datetime(2025, 1, 1))
    EmptyOperator(task_id="a", dag=dag)


entered()
passed()
