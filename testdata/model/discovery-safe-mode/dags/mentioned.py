# This file speaks of an Airflow DAG.
from factory.make import make

made = make("mentioned")
