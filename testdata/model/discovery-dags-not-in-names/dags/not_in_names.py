from datetime import datetime

from airflow import DAG


def make(name):
    return DAG(name, schedule=None, start_date=datetime(2025, 1, 1))


ALL = [make("in_a_list")]
BY_NAME = {"x": make("in_a_dict")}


class Holder:
    dag = make("in_a_class")


make("in_no_name")
_private = make("in_a_private_name")
