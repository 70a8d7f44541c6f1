from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from operators.template_field_unknown_op import ScaleOperator
from oraclelib import record, wait_gate


@task
def prepare():
    record("prepare", 7)
    return 7


@task
def gate():
    wait_gate()


@task
def final(x):
    record("final", x)


with DAG("template_field_unknown", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
    p = prepare()
    scale = ScaleOperator(task_id="scale", value=p, factor=2)
    p >> gate() >> scale
    final(scale.output)
