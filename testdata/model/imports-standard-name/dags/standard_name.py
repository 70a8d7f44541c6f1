import random
from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("standard_name", schedule=None, start_date=datetime(2025, 1, 1)):
    # The standard library comes before the DAGs folder.
    EmptyOperator(task_id=getattr(random, "NAME", "standard"))
