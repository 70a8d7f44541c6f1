from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from airflow import DAG
from airflow.operators.empty import EmptyOperator

if TYPE_CHECKING:
    from surely_not_installed import Table


def load(table: Table) -> EmptyOperator:
    return EmptyOperator(task_id=table)


with DAG("checking", schedule=None, start_date=datetime(2025, 1, 1)):
    load("a")
