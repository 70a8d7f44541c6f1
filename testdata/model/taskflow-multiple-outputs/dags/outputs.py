from datetime import datetime
from typing import Dict

from airflow.decorators import dag, task


@task
def annotated() -> Dict[str, int]:
    return {"a": 1}


@task
def builtin() -> dict:
    return {"a": 1}


@task(multiple_outputs=False)
def refused() -> dict:
    return {"a": 1}


@task
def listed() -> list:
    return [1]


@task(multiple_outputs=True)
def asked():
    return {"a": 1}


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def outputs():
    annotated() >> builtin() >> refused() >> listed() >> asked()


outputs()
