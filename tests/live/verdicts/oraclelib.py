"""What the DAGs of the scenarios import: where a run is held, and what it leaves behind.

A run whose id ends in `__change` is held at its gate until a file says that the gate is open.
"""
import json
import os
import time
from pathlib import Path

BASE = Path(os.environ["ORACLE_DIR"])


def current():
    try:
        from airflow.sdk import get_current_context
    except ImportError:
        from airflow.operators.python import get_current_context
    return get_current_context()


def gate_open(run_id):
    opened = BASE / "gate" / f"{run_id}.open"
    if opened.exists() or not run_id.endswith("__change"):
        return True
    (BASE / "gate" / f"{run_id}.reached").touch()
    return False


def wait_gate(run_id=None):
    if run_id is None:
        run_id = current()["ti"].run_id
    while not gate_open(run_id):
        time.sleep(0.5)


def record(label, value, context=None):
    instance = (context or current())["ti"]
    line = json.dumps({"label": label, "value": value}, default=repr)
    with (BASE / "out" / f"{instance.run_id}.jsonl").open("a") as file:
        file.write(line + "\n")
    return value
