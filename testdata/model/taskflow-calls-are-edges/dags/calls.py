from datetime import datetime

from airflow.decorators import dag, task


@task
def extract():
    return {"rows": [1, 2]}


@task
def transform(rows, factor=1):
    return rows


@task
def load(*parts, **named):
    print(parts, named)


@dag(schedule=None, start_date=datetime(2025, 1, 1))
def calls():
    raw = extract()
    load(transform(raw["rows"]), [raw, {"deep": (transform(raw, factor=raw),)}], kept=f"{1}", named=raw["rows"])


calls()
