from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

dag = DAG("deleted", schedule=None, start_date=datetime(2025, 1, 1))
EmptyOperator(task_id="a", dag=dag)
del dag
