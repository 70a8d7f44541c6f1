from datetime import datetime
from enum import Enum

from airflow import DAG
from airflow.operators.empty import EmptyOperator


class Region(str, Enum):
    NORTH = "north"


with DAG("mixed", schedule=None, start_date=datetime(2025, 1, 1)):
    # "north" up to Python 3.10, "Region.NORTH" from 3.11 on.
    EmptyOperator(task_id=f"load_{Region.NORTH}")
