from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

for tenant in ("red", "blue"):
    # Only what a name of the module holds in the end is a DAG of this file.
    dag = DAG(f"overwritten_{tenant}", schedule=None, start_date=datetime(2025, 1, 1))
    EmptyOperator(task_id="run", dag=dag)
