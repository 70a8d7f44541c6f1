from datetime import datetime

from airflow import DAG
from airflow.models.baseoperator import chain
from airflow.operators.empty import EmptyOperator

with DAG("chained", schedule=None, start_date=datetime(2025, 1, 1)):
    a, b, c, d, e, f = (EmptyOperator(task_id=x) for x in "abcdef")
    # Lists of one length are joined pair by pair.
    chain(a, [b, c], [d, e], f)
