from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.utils.edgemodifier import Label
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def work():
    record("work", 1)


@task
def final():
    record("final", "done")


with DAG("m_edge_label", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> Label("then") >> work() >> final()
