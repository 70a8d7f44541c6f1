from operators.op_base_moved_base import ScaleBase


class ScaleOperator(ScaleBase):
    template_fields = ("value",)
