from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup

HOSTS = [f"h{n}" for n in range(5)]
SIZE = 2
with DAG("batches", schedule=None, start_date=datetime(2025, 1, 1)):
    before = None
    for batch in range((len(HOSTS) + SIZE - 1) // SIZE):
        with TaskGroup(group_id=f"batch_{batch}") as group:
            for host in HOSTS[batch * SIZE : (batch + 1) * SIZE]:
                EmptyOperator(task_id=host)
        if before:
            before >> group
        before = group
