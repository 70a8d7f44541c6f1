"""The demo's pipeline: a run waits at `gate` until the demo opens it."""

import os
from datetime import datetime

from airflow.sdk import dag, task


@task
def extract():
    return [1, 2, 3]


@task.sensor(poke_interval=4, timeout=3600, mode="reschedule", retries=5, retry_delay=1)
def gate(run_id=None):
    return os.path.exists(os.path.join(os.environ["DAGGUARD_TEST_GATE"], run_id))


@task
def transform(rows):
    return [row * 10 for row in rows]


@task
def load(rows):
    print("loaded", rows)


@dag(schedule=None, start_date=datetime(2026, 1, 1))
def etl():
    rows = extract()
    opened = gate()
    clean = transform(rows)
    rows >> opened >> clean
    load(clean)


etl()
