from datetime import datetime
from pathlib import Path

import yaml

from airflow import DAG
from airflow.operators.empty import EmptyOperator

for path in sorted(Path(__file__).parent.joinpath("configs").glob("*.yaml")):
    with DAG(f"folder_{path.stem}", schedule=None, start_date=datetime(2025, 1, 1)) as dag:
        for step in yaml.safe_load(path.read_text())["steps"]:
            EmptyOperator(task_id=step)
    globals()[dag.dag_id] = dag
