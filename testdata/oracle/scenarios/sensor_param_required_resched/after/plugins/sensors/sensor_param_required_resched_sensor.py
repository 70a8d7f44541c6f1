from airflow.sensors.base import BaseSensorOperator
from oraclelib import gate_open, record


class GateSensor(BaseSensorOperator):
    def __init__(self, *, door, **kwargs):
        super().__init__(**kwargs)
        self.door = door

    def poke(self, context):
        if not gate_open(context["run_id"]):
            return False
        record("sensed", 1, context)
        return True
