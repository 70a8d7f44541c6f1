from datetime import datetime

from airflow import DAG
from operators.steps import StepOperator
from sensors.waits import WaitSensor

with DAG("from_plugins", schedule=None, start_date=datetime(2025, 1, 1)):
    WaitSensor(what="rows") >> StepOperator(task_id="step")
