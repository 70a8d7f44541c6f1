from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


def slug(title):
    kept = "".join(c if c.isalnum() else " " for c in title.lower())
    return "_".join(kept.split())


with DAG(slug("Sales: North & South"), schedule=None, start_date=datetime(2025, 1, 1)):
    for table in "Orders, Line-items ,Refunds (net)".split(","):
        EmptyOperator(task_id=slug(table).removesuffix("_net").replace("items", "item"))
