from datetime import datetime
from dataclasses import dataclass, field

from airflow import DAG
from airflow.operators.empty import EmptyOperator


@dataclass(frozen=True)
class Table:
    name: str
    rank: int = 1
    after: list = field(default_factory=list)

    @property
    def task_id(self) -> str:
        return f"{self.name}_{self.rank}"


TABLES = [Table("a"), Table("b", 2, after=["a"]), Table(rank=3, name="c", after=["a", "b"])]
with DAG("dataclassed", schedule=None, start_date=datetime(2025, 1, 1)):
    made = {}
    for table in TABLES:
        made[table.name] = EmptyOperator(task_id=table.task_id)
        [made[name] for name in table.after] and [made[name] for name in table.after] >> made[table.name]
