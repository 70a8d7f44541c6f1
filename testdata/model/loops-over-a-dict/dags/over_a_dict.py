from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

TABLES = {"orders": ["clean", "load"], "refunds": ["load"]}
TABLES.update(customers=[])
with DAG("over_a_dict", schedule=None, start_date=datetime(2025, 1, 1)):
    for table, steps in sorted(TABLES.items(), reverse=True):
        last = EmptyOperator(task_id=table)
        for step in steps:
            now = EmptyOperator(task_id=f"{table}.{step}")
            last >> now
            last = now
