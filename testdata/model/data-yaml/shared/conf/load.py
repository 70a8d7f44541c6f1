import os

import yaml


def jobs():
    with open(os.path.join(os.path.dirname(__file__), "jobs.yaml"), encoding="utf-8") as file:
        return yaml.safe_load(file)["jobs"]
