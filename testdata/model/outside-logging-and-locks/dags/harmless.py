import logging
import threading
import warnings
from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

log = logging.getLogger(__name__)
warnings.filterwarnings("ignore")
with threading.Lock(), DAG("harmless", schedule=None, start_date=datetime(2025, 1, 1)) as dag:
    a = EmptyOperator(task_id="a")
    log.info("made %s", a)
    print(dag, flush=True)
dag.doc_md = __doc__
