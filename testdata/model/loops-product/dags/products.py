import itertools
from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("products", schedule=None, start_date=datetime(2025, 1, 1)):
    rows = [
        [EmptyOperator(task_id=f"{region}_{step}") for step in ("get", "put")]
        for region, _ in itertools.product(["eu", "us"], range(1))
    ]
    for (_, put), (get, _) in zip(rows, rows[1:]):
        put >> get
