from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.trigger_dagrun import TriggerDagRunOperator
from oraclelib import record, wait_gate


@task
def gate():
    wait_gate()


@task
def final():
    record("final", "done")


with DAG("trigger_target_renamed_both", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    gate() >> TriggerDagRunOperator(task_id="kick", trigger_dag_id="trigger_target_renamed_both_kid") >> final()
