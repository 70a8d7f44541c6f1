from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

dag = DAG("adopt", schedule=None, start_date=datetime(2025, 1, 1))
a = EmptyOperator(task_id="a", dag=dag)
# A task of no DAG joins that of its neighbour.
a >> EmptyOperator(task_id="b") >> EmptyOperator(task_id="c")
EmptyOperator(task_id="stays_alone")
