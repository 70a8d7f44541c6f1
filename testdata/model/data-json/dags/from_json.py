import json
from datetime import datetime
from pathlib import Path

from airflow import DAG
from airflow.operators.empty import EmptyOperator

CONFIG = json.loads((Path(__file__).parent / "tables.json").read_text())
with DAG("from_json", schedule=None, start_date=datetime(2025, 1, 1)) as dag:
    for table in CONFIG["tables"]:
        task = EmptyOperator(task_id=table["name"])
        for up in table["after"]:
            dag.get_task(up) >> task
