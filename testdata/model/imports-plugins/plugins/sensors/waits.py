from airflow.sensors.base import BaseSensorOperator


class WaitSensor(BaseSensorOperator):
    def __init__(self, what, **kwargs):
        super().__init__(task_id=f"wait_{what}", **kwargs)

    def poke(self, context):
        return True
