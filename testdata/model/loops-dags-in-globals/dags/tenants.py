from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

for tenant in ("red", "blue"):
    dag_id = f"tenant_{tenant}"
    dag = DAG(dag_id, schedule=None, start_date=datetime(2025, 1, 1))
    EmptyOperator(task_id="run", dag=dag)
    globals()[dag_id] = dag
