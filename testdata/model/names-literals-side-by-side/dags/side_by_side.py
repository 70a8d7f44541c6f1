from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

PART = "x"
with DAG("side" "_by" "_side", schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(
        task_id="a_"
        f"{PART}_"
        r"b"
    )
    EmptyOperator(task_id='\x63\u0064_\
end')
