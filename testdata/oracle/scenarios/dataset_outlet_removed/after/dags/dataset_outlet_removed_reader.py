import os
from datetime import datetime
from pathlib import Path

from airflow import DAG
from airflow.datasets import Dataset
from airflow.decorators import task


@task
def consume(triggering_dataset_events=None):
    for events in triggering_dataset_events.values():
        for event in events:
            run_id = getattr(event, "source_run_id", None) or event.source_dag_run.run_id
            (Path(os.environ["ORACLE_DIR"]) / "gate" / (run_id + ".consumed")).touch()


with DAG("dataset_outlet_removed_reader", schedule=[Dataset("file:///dataset_outlet_removed/rows")], start_date=datetime(2024, 1, 1), catchup=False) as dag:
    consume()
