# Airflow takes a file for a DAG file if it holds the words airflow and dag.
from factory.build import build

made = build("one", ["a", "b"])
others = [build("two", ["c"])]
