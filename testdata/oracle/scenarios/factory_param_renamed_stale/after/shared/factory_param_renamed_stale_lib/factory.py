from datetime import datetime

from airflow import DAG
from airflow.operators.python import PythonOperator
from oraclelib import record, wait_gate


def hold(run_id):
    wait_gate(run_id)


def load(name):
    record(f"load:{name}", name)


def end():
    record("final", "done")


def build(dag_id, sources):
    with DAG(dag_id, schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:
        gate = PythonOperator(task_id="gate", python_callable=hold)
        last = PythonOperator(task_id="final", python_callable=end)
        for name in sources:
            gate >> PythonOperator(task_id=f"load_{name}", python_callable=load, op_args=[name]) >> last
    return dag
