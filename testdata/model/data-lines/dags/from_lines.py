from datetime import datetime
from pathlib import Path

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("from_lines", schedule=None, start_date=datetime(2025, 1, 1)):
    for line in Path(__file__).with_name("names.txt").read_text().splitlines():
        if line.strip():
            EmptyOperator(task_id=line)
