from airflow.models.baseoperator import BaseOperator
from oraclelib import record


class KeyOperator(BaseOperator):
    def execute(self, context):
        record("make", 7, context)
        context["ti"].xcom_push(key="lines", value=7)
