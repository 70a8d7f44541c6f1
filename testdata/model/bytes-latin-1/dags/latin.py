# -*- coding: latin-1 -*-
from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("latin", schedule=None, start_date=datetime(2025, 1, 1)):
    EmptyOperator(task_id="café")
