from datetime import datetime
from enum import Enum

from airflow import DAG
from airflow.operators.empty import EmptyOperator


class Region(Enum):
    NORTH = "north"
    SOUTH = "south"


with DAG("enums", schedule=None, start_date=datetime(2025, 1, 1)):
    for region in Region:
        EmptyOperator(task_id=f"{region.name}-{region.value}")
    EmptyOperator(task_id=str(Region.NORTH))
