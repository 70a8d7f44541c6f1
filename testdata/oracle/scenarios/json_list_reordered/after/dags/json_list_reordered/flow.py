import json
from datetime import datetime
from pathlib import Path

from airflow import DAG
from airflow.decorators import task
from airflow.operators.python import PythonOperator
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


def load(name):
    record(f"load:{name}", name)


@task
def final():
    record("final", "done")


with DAG("json_list_reordered", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    g = gate()
    end = final()
    for name in json.loads((Path(__file__).parent / "sources.json").read_text()):
        g >> PythonOperator(task_id=f"load_{name}", python_callable=load, op_args=[name]) >> end
