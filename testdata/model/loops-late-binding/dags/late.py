from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

makers = []
for name in ["a", "b"]:
    makers.append(lambda end, start=name: EmptyOperator(task_id=f"{start}_{name}_{end}"))

with DAG("late", schedule=None, start_date=datetime(2025, 1, 1)):
    makers[0]("x") >> makers[1]("y")
