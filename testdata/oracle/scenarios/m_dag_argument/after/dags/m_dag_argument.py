from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.python import PythonOperator
from oraclelib import record, wait_gate


def load(n):
    record("load", n)


def hold(run_id):
    wait_gate(run_id)


def end():
    record("final", "done")


dag = DAG("m_dag_argument", schedule=None, start_date=datetime(2024, 1, 1), catchup=False)
a = PythonOperator(dag=dag, task_id="gate", python_callable=hold)
b = PythonOperator(dag=dag, task_id="load", python_callable=load, op_args=[1])
c = PythonOperator(dag=dag, task_id="final", python_callable=end)
a >> b >> c
