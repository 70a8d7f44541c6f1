import asyncio

from airflow.models.baseoperator import BaseOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent
from oraclelib import gate_open, record


class GateTrigger(BaseTrigger):
    def __init__(self, run_id):
        super().__init__()
        self.run_id = run_id

    def serialize(self):
        return ("operators.task_deferred_to_added_edge_op.GateTrigger", {"run_id": self.run_id})

    async def run(self):
        await asyncio.sleep(6)  # an event at once can overtake the executor's own report
        while not gate_open(self.run_id):
            await asyncio.sleep(0.8)
        yield TriggerEvent({"ok": 1})


class WaitOperator(BaseOperator):
    def execute(self, context):
        self.defer(trigger=GateTrigger(run_id=context["run_id"]), method_name="execute_complete")

    def execute_complete(self, context, event=None):
        record("waited", event["ok"], context)
        return event["ok"]
