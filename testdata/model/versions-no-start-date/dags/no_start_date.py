from airflow import DAG
from airflow.operators.empty import EmptyOperator

# Airflow 2.6 wants a start date of every task.
with DAG("no_start_date", schedule=None):
    EmptyOperator(task_id="a")
