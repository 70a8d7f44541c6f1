from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from operators.map_operator_partial_mid_op import ItemOperator
from oraclelib import record


@task
def final():
    record("final", "done")


with DAG("map_operator_partial_mid", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    ItemOperator.partial(task_id="work", max_active_tis_per_dagrun=1).expand(item=["z", "a", "b", "c"]) >> final()
