import csv
import os
from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("from_csv", schedule=None, start_date=datetime(2025, 1, 1)):
    with open(os.path.join(os.path.dirname(__file__), "rows.csv")) as file:
        for row in csv.DictReader(file):
            EmptyOperator(task_id=row["name"], trigger_rule=row["rule"])
