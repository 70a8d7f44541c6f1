from airflow.models.baseoperator import BaseOperator
from oraclelib import record


class ScaleOperator(BaseOperator):
    template_fields = ("value", "unit")

    def __init__(self, *, value, factor=2, **kwargs):
        super().__init__(**kwargs)
        self.value = value
        self.factor = factor

    def execute(self, context):
        value = int(self.value)
        record("scale", value, context)
        return value * self.factor
