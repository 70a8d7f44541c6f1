from airflow.models import BaseOperator


class LoadOperator(BaseOperator):
    template_fields = ("source",)

    def __init__(self, table, source=None, **kwargs):
        kwargs.setdefault("task_id", f"load_{table}")
        super().__init__(**kwargs)
        self.source = source

    def execute(self, context):
        return self.source
