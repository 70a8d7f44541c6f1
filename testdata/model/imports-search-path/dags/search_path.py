import os
import sys
from datetime import datetime

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

from tools.ids import ID

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("search_path", schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id=ID)
