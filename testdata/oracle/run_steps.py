#!/usr/bin/env python3
"""The oracle's run.py with three additions, for the scenarios of this folder.

    python3.11 run_steps.py ORACLE --venv VENV --state DIR --scenarios DIR [further options of run.py]

ORACLE is the folder that holds run.py. A scenario that has a folder `first/` beside `before/` is delivered
in three steps: the runs start on `first/`, `before/` is delivered while the change run stands at its gate,
and `after/` is the change that is judged. So a run can hold instances in state `removed`.
Each row also says how many runs other than the two of the experiment its DAGs have at the end (`other_runs`).
A git bundle is cloned into the state folder, so that runs after one another do not see each other's.
"""
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import run  # noqa: E402


class Lab(run.Lab):
    """One Airflow that knows the step between the start of the runs and the change."""

    waiting = {}

    def make_env(self):
        super().make_env()
        # else every run of a git bundle on this machine shares one clone, that of the first
        self.env["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH"] = str(self.state / "bundles")
        # the driver of the database may stand beside the environment
        beside = [path for path in [os.environ.get("PYTHONPATH")] if path]
        self.env["PYTHONPATH"] = os.pathsep.join([self.env["PYTHONPATH"], *beside])

    def deploy(self, tree, touch=True):
        tree = Path(tree)
        first = tree.parent / "first"
        if tree.name != "before" or not first.exists():
            return super().deploy(tree, touch)
        self.waiting[tree] = super().deploy(first)
        return self.waiting[tree]

    def tis(self, run_ids):
        # the harness looks at the change runs for the first time when they stand at their gates
        if self.waiting and all(r.endswith("__change") for r in run_ids):
            self.second_step()
        return super().tis(run_ids)

    def second_step(self):
        steps, self.waiting = self.waiting, {}
        began, dags = time.time(), set()
        for tree, old in steps.items():
            new = super().deploy(tree)
            for gone in old - new:
                gone.unlink()
            for f in new:
                os.utime(f)
            dags |= set(run.read_toml(tree.parent / "scenario.toml")["dags"])
        self.commit()
        end = time.time() + 120
        while time.time() < end and not all(self.active_dags().get(d, (0, 0))[0] > began for d in dags):
            time.sleep(1)
        time.sleep(10)  # some passes of the scheduler
        run.log("second step delivered:", len(steps))

    def verdict(self, s, runs, tis, *rest):
        row = super().verdict(s, runs, tis, *rest)
        mine = [f"{s['name']}__control", f"{s['name']}__change"]
        row["other_runs"] = self.q(
            "select count(*) from dag_run where dag_id = any(%s) and not run_id = any(%s)",
            sorted({*s["dags"], *s["dags_after"]}), mine)[0][0]
        return row


def main():
    if "--reexec" not in sys.argv:
        py = str(Path(sys.argv[sys.argv.index("--venv") + 1]) / "bin" / "python")
        os.execv(py, [py, __file__, *sys.argv[1:], "--reexec"])
    del sys.argv[1]
    run.Lab = Lab
    run.main()


if __name__ == "__main__":
    main()
