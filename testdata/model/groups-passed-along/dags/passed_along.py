from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup

dag = DAG("passed_along", schedule=None, start_date=datetime(2025, 1, 1))
group = TaskGroup("g", dag=dag)
inner = TaskGroup("h", parent_group=group, dag=dag)
EmptyOperator(task_id="a", task_group=group, dag=dag) >> EmptyOperator(task_id="b", task_group=inner, dag=dag)
