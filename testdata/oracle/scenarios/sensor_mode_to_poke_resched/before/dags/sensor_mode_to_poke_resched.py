from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from oraclelib import record
from sensors.sensor_mode_to_poke_resched_sensor import GateSensor


@task
def final():
    record("final", "done")


with DAG("sensor_mode_to_poke_resched", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    GateSensor(task_id="wait", mode="reschedule", poke_interval=15) >> final()
