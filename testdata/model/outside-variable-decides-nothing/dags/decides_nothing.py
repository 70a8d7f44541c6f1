import os
from datetime import datetime

from airflow import DAG
from airflow.models import Variable
from airflow.operators.bash import BashOperator

IMAGE = os.environ.get("IMAGE", "busybox")
WHEN = Variable.get("when", default_var="@daily")
with DAG("decides_nothing", schedule=WHEN, start_date=datetime(2025, 1, 1)):
    BashOperator(task_id="a", bash_command=f"echo {IMAGE} {Variable.get('who', default_var='me')}")
