from datetime import datetime

from airflow.decorators import dag, task


class Steps:
    @staticmethod
    @task
    def first():
        return 1

    @task
    def second(x):
        return x


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def in_a_class():
    Steps.second(Steps.first())


in_a_class()
