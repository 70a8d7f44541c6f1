from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def final():
    record("final", "done")


for dag_id in ["loop_of_dags_shrunk", "loop_of_dags_shrunk_b"]:
    with DAG(dag_id, schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
        gate() >> final()
    globals()[dag_id] = dag
