from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.operators.python import BranchPythonOperator, ShortCircuitOperator

with DAG("branches", schedule=None, start_date=datetime(2025, 1, 1)):
    choose = BranchPythonOperator(task_id="choose", python_callable=lambda: ["left"])
    left, right = EmptyOperator(task_id="left"), EmptyOperator(task_id="right")
    # What a branch names is no edge.
    choose >> [left, right] >> EmptyOperator(task_id="join", trigger_rule="none_failed_min_one_success")
    ShortCircuitOperator(task_id="stop", python_callable=bool) >> choose
