from datetime import datetime
from functools import partial

from airflow import DAG
from airflow.operators.empty import EmptyOperator

careful = partial(EmptyOperator, trigger_rule="all_done")
with DAG("partials", schedule=None, start_date=datetime(2025, 1, 1)):
    named = partial(careful, task_id="a")
    named() >> careful(task_id="b") >> named(task_id="c", trigger_rule="always")
