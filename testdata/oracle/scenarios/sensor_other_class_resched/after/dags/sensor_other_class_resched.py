from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.sensors.python import PythonSensor
from oraclelib import record


def ready():
    record("sensed", 1)
    return True


@task
def final():
    record("final", "done")


with DAG("sensor_other_class_resched", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    PythonSensor(task_id="wait", python_callable=ready, mode="reschedule", poke_interval=15) >> final()
