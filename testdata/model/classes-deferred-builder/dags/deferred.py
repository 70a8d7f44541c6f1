from datetime import datetime

from flows.pieces import Block, Flow, Step

# Airflow would put each operator into the DAG of a `with`; here none is open.
flow = Flow("deferred", datetime(2025, 1, 1))
start, end = Step("start"), Step("end")
start >> Block("load", Step("a"), Block("inner", Step("b"), Step("c")), Step("d")) >> end
flow >> start
dag = flow.dag
