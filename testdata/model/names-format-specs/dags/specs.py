from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

WIDTH = 4
with DAG(dag_id=f"specs_{7:03d}", schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id=f"a_{5:0{WIDTH}d}")
    EmptyOperator(task_id=f"b_{0.256:.1f}")
    EmptyOperator(task_id=f"c_{255:x}_{'up'.upper():_>5}")
    EmptyOperator(task_id=f"d_{1_000_000:_}")
