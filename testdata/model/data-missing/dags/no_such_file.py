import json
from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("no_such_file", schedule=None, start_date=datetime(2025, 1, 1)):
    for name in json.load(open("/surely/not/there.json")):
        EmptyOperator(task_id=name)
