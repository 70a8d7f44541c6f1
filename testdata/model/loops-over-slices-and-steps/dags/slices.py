from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

NAMES = ["n%d" % n for n in range(6)]
with DAG("slices", schedule=None, start_date=datetime(2025, 1, 1)):
    even = [EmptyOperator(task_id=n) for n in NAMES[::2]]
    odd = [EmptyOperator(task_id=n) for n in reversed(NAMES[1::2])]
    for a, b in zip(even, odd[-1:] + odd[:-1]):
        a >> b
