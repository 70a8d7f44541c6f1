from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("context_nested", schedule=None, start_date=datetime(2025, 1, 1)):
    s1, t1, s2, t2 = (EmptyOperator(task_id=name) for name in ("s1", "t1", "s2", "t2"))
    with t1.as_teardown(setups=s1):
        EmptyOperator(task_id="a")
        with t2.as_teardown(setups=s2):
            EmptyOperator(task_id="b")
