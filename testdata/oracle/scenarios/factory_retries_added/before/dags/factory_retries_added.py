from factory_retries_added_lib.factory import build

dag = build("factory_retries_added", ["a", "b"])
