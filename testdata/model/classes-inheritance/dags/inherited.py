from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator


class Base:
    prefix = "base"

    def name(self):
        return f"{self.prefix}_{type(self).__name__}"

    def make(self):
        return EmptyOperator(task_id=self.name())


class Left(Base):
    prefix = "left"


class Right(Base):
    def name(self):
        return "right_" + super().name()


class Both(Left, Right):
    pass


with DAG("inherited", schedule=None, start_date=datetime(2025, 1, 1)):
    Left().make() >> Right().make() >> Both().make()
