from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.sensors.external_task import ExternalTaskSensor
from oraclelib import record


@task
def final():
    record("final", "done")


with DAG("ext_sensor_both_renamed", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    wait = ExternalTaskSensor(
        task_id="wait", external_dag_id="ext_sensor_both_renamed_src", external_task_id="ready", poke_interval=15, mode="reschedule"
    )
    wait >> final()
