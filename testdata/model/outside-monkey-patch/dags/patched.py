from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

# From here on, the arrow of this class points the other way.
EmptyOperator.set_downstream = EmptyOperator.set_upstream
with DAG("patched", schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id="a") >> EmptyOperator(task_id="b")
