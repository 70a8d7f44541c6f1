from datetime import datetime

from airflow.decorators import dag, task


@task
def run():
    return 1


def make(tenant):
    @dag(dag_id=f"made_for_{tenant}", schedule=None, start_date=datetime(2025, 1, 1))
    def flow():
        run.override(task_id=f"run_{tenant}")()

    return flow()


for tenant in ("a", "b"):
    make(tenant)
