from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.bash import BashOperator
from airflow.operators.python import PythonOperator


@task
def show(x):
    print(x)


with DAG("operator_output", schedule=None, start_date=datetime(2025, 1, 1)):
    first = BashOperator(task_id="first", bash_command="echo 1")
    second = PythonOperator(task_id="second", python_callable=print, op_args=[first.output])
    third = BashOperator(task_id="third", bash_command="true", env={"A": second.output["key"]})
    show(third.output)
