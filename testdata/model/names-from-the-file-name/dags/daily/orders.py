import os
from datetime import datetime
from pathlib import Path

from airflow import DAG
from airflow.operators.empty import EmptyOperator

HERE = Path(__file__)
with DAG(dag_id=os.path.splitext(os.path.basename(__file__))[0], schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id=f"{HERE.parent.name}_{HERE.stem}")
