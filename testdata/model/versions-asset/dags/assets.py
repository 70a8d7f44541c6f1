from airflow.sdk import Asset, asset


@asset(schedule="@daily", uri="s3://bucket/raw")
def raw():
    return 1


@asset(schedule=raw)
def clean(context, raw):
    return 2


@asset.multi(schedule=None, outlets=[Asset(name="x"), Asset(name="y")])
def both():
    return 3
