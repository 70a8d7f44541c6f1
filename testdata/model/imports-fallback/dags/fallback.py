from datetime import datetime

from airflow import DAG

try:
    from surely_not_installed import NAME
except ImportError:
    NAME = "ours"

try:
    from airflow.operators.empty import EmptyOperator
except ImportError:
    from airflow.operators.dummy import DummyOperator as EmptyOperator

with DAG("fallback", schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id=NAME)
