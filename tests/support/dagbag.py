"""What an installed Airflow builds from a DAGs folder, one line of JSON for each DAG file.

Run by the Python of an Airflow installation; each HOME is a folder whose `dags` and `plugins` hold
content as it is delivered, and gets a file `facts.jsonl`:

    python dagbag.py SECONDS HOME...

Airflow's own rules say which files are DAG files (its ignore files, its safe mode), and its own
DagBag loads each, within SECONDS. Between two files every module of the home is forgotten, as
if each had a process of its own. A file that ends the process or hangs costs that file alone.

A line is {"file", "errors", "dags"}; the first line is {"airflow", "python"}.
"""

import importlib
import inspect
import json
import logging
import os
import select
import signal
import sys
import time
import warnings

# The home that this process loads, and its DAGs folder.
HOME = DAGS = None


def first_of(*modules):
    """The first of these modules that this release has."""
    for module in modules:
        try:
            return importlib.import_module(module)
        except ImportError:
            continue
    raise SystemExit("none of " + ", ".join(modules))


def new_bag():
    """An empty DagBag; what it takes differs between the releases."""
    DagBag = first_of("airflow.dag_processing.dagbag", "airflow.models.dagbag").DagBag
    wanted = {"include_examples": False, "load_op_links": False, "collect_dags": False}
    known = inspect.signature(DagBag.__init__).parameters
    return DagBag(dag_folder=DAGS or os.devnull, **{name: value for name, value in wanted.items() if name in known})


def xcom_types():
    """The classes of task outputs, old and new."""
    found = []
    for module in ("airflow.models.xcom_arg", "airflow.sdk.definitions.xcom_arg"):
        try:
            found.append(importlib.import_module(module).XComArg)
        except (ImportError, AttributeError):
            continue
    return tuple(found)


def producers(value, depth=0):
    """Ids of the tasks whose outputs are in a value."""
    if depth > 8:
        return set()
    if isinstance(value, xcom_types()):
        return {operator.task_id for operator, _ in value.iter_references()}
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple, set)):
        return set()
    return set().union(*(producers(item, depth + 1) for item in value))


def over(argument, value):
    """One mapped argument: a literal has a length, an output has tasks."""
    literal = isinstance(value, (list, tuple, dict, set))
    return {"arg": argument, "length": len(value) if literal else None, "tasks": sorted(producers(value))}


def mapping(expand_input):
    """What a mapped task or group is mapped over."""
    value = expand_input.value
    if type(expand_input).__name__.startswith("ListOfDicts"):
        return {"over": [over("expand_kwargs", value)]}
    return {"over": [over(argument, value[argument]) for argument in sorted(value)]}


def is_mapped(task):
    return any(cls.__name__ == "MappedOperator" for cls in type(task).__mro__)


def multiple_outputs(task):
    """Of the operator, or of the arguments that a mapped one will be made with."""
    value = getattr(task, "multiple_outputs", None)
    if not isinstance(value, bool) and is_mapped(task):
        partial = task.partial_kwargs
        value = partial.get("multiple_outputs", (partial.get("op_kwargs") or {}).get("multiple_outputs"))
    return value if isinstance(value, bool) else None


def task_facts(task):
    group = getattr(task, "task_group", None)
    rule = getattr(task, "trigger_rule", None)
    return {
        "task_id": task.task_id,
        "operator": task.task_type,
        "mapped": mapping(task._get_specified_expand_input()) if is_mapped(task) else None,
        "upstream": sorted(task.upstream_task_ids),
        "downstream": sorted(task.downstream_task_ids),
        "group": group.group_id if group is not None else None,
        "trigger_rule": None if rule is None else str(getattr(rule, "value", rule)).lower(),
        "multiple_outputs": multiple_outputs(task),
        "setup": bool(getattr(task, "is_setup", False)),
        "teardown": bool(getattr(task, "is_teardown", False)),
    }


def group_facts(group):
    parent = getattr(group, "parent_group", None) or getattr(group, "task_group", None)
    mapped = type(group).__name__ == "MappedTaskGroup"
    return {
        "group_id": group.group_id,
        "parent": parent.group_id if parent is not None else None,
        "mapped": mapping(group._expand_input) if mapped else None,
    }


def dag_facts(dag):
    groups = dag.task_group.get_task_group_dict()
    return {
        "dag_id": dag.dag_id,
        "tasks": sorted((task_facts(task) for task in dag.tasks), key=lambda task: task["task_id"]),
        "groups": [group_facts(groups[name]) for name in sorted(name for name in groups if name is not None)],
    }


def last_line(error):
    """The line of a traceback that says what went wrong."""
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1].strip()[:400] if lines else "an error without words"


def forget_the_home():
    """The next file imports its modules anew, on the search path of a fresh process."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", None) or []), "")
        if str(file).startswith(HOME + os.sep):
            del sys.modules[name]
    importlib.invalidate_caches()


def one_file(path, search):
    bag = new_bag()
    sys.path[:] = search
    try:
        bag.process_file(path, only_if_updated=False, safe_mode=True)
        errors = [last_line(error) for error in bag.import_errors.values()]
        dags = [dag_facts(bag.dags[dag_id]) for dag_id in sorted(bag.dags)]
    except BaseException as error:  # what a DAG file raises may be anything
        errors, dags = ["{}: {}".format(type(error).__name__, error)], []
    forget_the_home()
    return {"file": os.path.relpath(path, HOME), "errors": errors, "dags": dags}


def worker(paths, write, search):
    """Loads files in a process of their own; tells each when it is done."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    with os.fdopen(write, "w") as out:
        for path in paths:
            out.write(json.dumps(one_file(path, search)) + "\n")
            out.flush()


def failed(path, why):
    return {"file": os.path.relpath(path, HOME), "errors": [why], "dags": []}


def load(paths, seconds, tell):
    """Loads all files; one that hangs or ends the process is an error of its own."""
    search = list(sys.path)
    paths = list(paths)
    while paths:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            try:
                worker(paths, write, search)
            finally:
                os._exit(0)
        os.close(write)
        rest = b""
        why = "the process ended"
        end = time.monotonic() + seconds
        while paths:
            ready, _, _ = select.select([read], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                why = "more than {} s".format(seconds)
                break
            part = os.read(read, 1 << 16)
            if not part:
                break
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                tell(json.loads(line))
                paths.pop(0)
                end = time.monotonic() + seconds
        os.close(read)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if paths:
            tell(failed(paths.pop(0), why))


def home_of(home, seconds, first_line):
    """Loads one home; called in a process of its own."""
    global HOME, DAGS
    HOME = os.path.realpath(home)
    DAGS = os.path.join(HOME, "dags")
    # A worker has them behind everything else, in this order.
    sys.path += [DAGS, os.path.join(HOME, "config"), os.path.join(HOME, "plugins")]
    from airflow.utils.file import list_py_file_paths

    known = inspect.signature(list_py_file_paths).parameters
    examples = {"include_examples": False} if "include_examples" in known else {}
    paths = sorted(os.path.realpath(path) for path in list_py_file_paths(DAGS, safe_mode=True, **examples))
    with open(os.path.join(HOME, "facts.jsonl"), "w") as out:
        out.write(json.dumps(first_line) + "\n")
        load(paths, seconds, lambda facts: out.write(json.dumps(facts, sort_keys=True) + "\n"))


def main():
    seconds = float(sys.argv[1])
    homes = sys.argv[2:]
    warnings.simplefilter("ignore")
    sys.path.pop(0)  # the folder of this script is none of Airflow's
    airflow = importlib.import_module("airflow")
    logging.disable(logging.CRITICAL)
    # What every file needs anyway is imported once.
    for module in ("airflow.decorators", "airflow.operators.python", "airflow.models.baseoperator", "airflow.sdk"):
        try:
            importlib.import_module(module)
        except ImportError:
            continue
    new_bag()
    folder = os.path.realpath(os.environ["AIRFLOW_HOME"])
    sys.path[:] = [path for path in sys.path if not os.path.realpath(path).startswith(folder + os.sep)]
    python = ".".join(str(part) for part in sys.version_info[:3])
    first_line = {"airflow": airflow.__version__, "python": python}
    for home in homes:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                home_of(home, seconds, first_line)
                code = 0
            finally:
                os._exit(code)
        os.waitpid(child, 0)


main()
