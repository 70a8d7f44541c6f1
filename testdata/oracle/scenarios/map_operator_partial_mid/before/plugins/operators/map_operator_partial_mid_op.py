from airflow.models.baseoperator import BaseOperator
from oraclelib import record, wait_gate


class ItemOperator(BaseOperator):
    def __init__(self, *, item, **kwargs):
        super().__init__(**kwargs)
        self.item = item

    def execute(self, context):
        if self.item == "b":
            wait_gate(context["run_id"])
        record(f"item:{self.item}", self.item, context)
