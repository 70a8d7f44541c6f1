import os
from datetime import datetime
from pathlib import Path

from airflow import DAG
from airflow.decorators import task
from airflow.sdk import Asset


@task
def consume(triggering_asset_events=None):
    for events in triggering_asset_events.values():
        for event in events:
            run_id = getattr(event, "source_run_id", None) or event.source_dag_run.run_id
            (Path(os.environ["ORACLE_DIR"]) / "gate" / (run_id + ".consumed")).touch()


with DAG("asset_outlet_renamed_reader", schedule=[Asset("file:///asset_outlet_renamed/rows")], start_date=datetime(2024, 1, 1), catchup=False) as dag:
    consume()
