from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

dag = DAG("%s_%02d" % ("old", 3), schedule=None, start_date=datetime(2025, 1, 1))
first = EmptyOperator(task_id="t_%(name)s" % {"name": "first"}, dag=dag)
second = EmptyOperator(task_id="{0}_{name}_{1!s:>03}".format("t", 2, name="second"), dag=dag)
first >> second
