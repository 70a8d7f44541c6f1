//! Which module of the tree, or outside it, a name is imported from.

use super::super::{Model, build};
use super::{HEAD, model_of, show};
use crate::content::{ContentPath, File, Layout, Revision, Snapshot};
use crate::ids::AirflowVersion;

const DAG: &str = "from airflow import DAG
from airflow.operators.empty import EmptyOperator
from helpers import NAMES
with DAG('d', start_date=0):
    for name in NAMES:
        EmptyOperator(task_id=name)
";

fn model(layout: Layout, version: &str, files: &[(&str, &str)]) -> Model {
    let revision = Revision::new("test");
    let mut snapshot = Snapshot::empty(revision.clone());
    for (path, text) in files {
        snapshot.insert(ContentPath::new(path).unwrap(), File::regular(&revision, text.as_bytes()));
    }
    build(&snapshot, layout, AirflowVersion::parse(version))
}

#[test]
fn a_module_in_both_folders_is_the_one_that_the_release_finds_first() {
    let files = [
        ("dags/d.py", DAG),
        ("dags/helpers.py", "NAMES = ['of_dags']"),
        ("plugins/helpers.py", "NAMES = ['of_plugins']"),
    ];
    assert_eq!(show(&model(Layout::Repository, "2.6.2", &files)), "d\n  of_dags\n");
    assert_eq!(show(&model(Layout::Repository, "2.11.2", &files)), "d\n  of_plugins\n");
    assert_eq!(show(&model(Layout::Repository, "3.3.2", &files)), "d\n  of_plugins\n");
    let unknown = model(Layout::Repository, "", &files);
    let reason = "`helpers` is imported from `dags/helpers.py` or from `plugins/helpers.py`, depending on the \
                  release of Airflow";
    assert!(unknown.dags[0].unknown.iter().any(|unknown| unknown.reason.contains(reason)), "{unknown:?}");
    let same = [files[0], files[1], ("plugins/helpers.py", files[1].1)];
    assert_eq!(show(&model(Layout::Repository, "", &same)), "d\n  of_dags\n");
}

#[test]
fn what_airflow_installs_wins_over_a_module_of_the_same_name() {
    let dag = DAG.replace("helpers", "slugify");
    let files = [("dags/d.py", dag.as_str()), ("dags/slugify.py", "NAMES = ['mine']")];
    assert!(!model(Layout::Content, "2.11.2", &files).dags[0].complete());
}

#[test]
fn a_repository_is_searched_beside_its_dags_folder() {
    for module in ["airflow/plugins/helpers.py", "airflow/helpers.py", "helpers.py", "shared/helpers/__init__.py"] {
        let files = [("airflow/dags/d.py", DAG), (module, "NAMES = ['found']")];
        assert_eq!(show(&model(Layout::Repository, "2.11.2", &files)), "d\n  found\n", "{module}");
    }
}

#[test]
fn airflow_loads_a_dag_file_by_a_name_of_its_own() {
    let shown = super::show(&super::model(
        "if __name__.startswith('unusual_prefix_') and __name__ != '__main__':\n    with DAG('d'):\n        EmptyOperator(task_id='last_part' if __name__.endswith('_d') else 'other')\n",
    ));
    assert_eq!(shown, "d\n  last_part\n");
    // The hash in it depends on where the file lies.
    let shown = super::show(&super::model("with DAG('d'):\n    EmptyOperator(task_id=__name__)\n"));
    assert!(shown.starts_with("d (incomplete)"), "{shown}");
}

#[test]
fn a_module_missing_from_a_package_of_the_tree_is_a_module_not_found() {
    let source = "try:\n    import pack.extra as extra\nexcept ModuleNotFoundError:\n    extra = None\nwith DAG('d'):\n    EmptyOperator(task_id='without' if extra is None else 'with')\n";
    let source = format!("{HEAD}{source}");
    let model = model_of(&[("dags/d.py", &source), ("shared/pack/__init__.py", "")]);
    assert_eq!(show(&model), "d\n  without\n");
    assert!(model.dags[0].complete());
}

/// Whether each of the three releases refuses an import, in a file that has a DAG.
fn refused(import: &str) -> [bool; 3] {
    ["2.6.2", "2.11.2", "3.3.2"].map(|version| {
        let source = format!("from airflow import DAG\n{import}\nwith DAG('d', start_date=1):\n    pass\n");
        show(&super::model_at(Some(version), &[("dags/d.py", &source)])).starts_with("error ")
    })
}

#[test]
fn modules_are_there_in_the_releases_that_have_them() {
    for import in [
        "from airflow.operators.sensors import ExternalTaskSensor",
        "from airflow.operators.my_plugin import MyOperator",
        "from airflow.operators import MyOperator",
        "from airflow.operators import BashOperator",
        "from airflow.hooks.my_plugin import MyHook",
        "from airflow.executors import GetDefaultExecutor",
        "import airflow.sensors.my_plugin",
    ] {
        assert_eq!(refused(import), [true; 3], "{import}");
    }
    for import in [
        "from airflow.operators.postgres_operator import PostgresOperator",
        "from airflow.operators.dagrun_operator import TriggerDagRunOperator",
        "from airflow.sensors.sql import SqlSensor",
        "from airflow.hooks.postgres_hook import PostgresHook",
        "from airflow.utils.file import TemporaryDirectory",
        "from airflow.models.baseoperator import BaseOperatorLink",
        "from airflow.exceptions import DagConcurrencyLimitReached",
        "from airflow.contrib.hooks.aws_hook import AwsHook",
        "import airflow.datasets",
    ] {
        assert_eq!(refused(import), [false, false, true], "{import}");
    }
    for import in [
        "from airflow.sdk import DAG",
        "from airflow import Asset",
        "from airflow.timetables.trigger import MultipleCronTriggerTimetable",
    ] {
        assert_eq!(refused(import), [true, true, false], "{import}");
    }
    assert_eq!(refused("from airflow.io.path import ObjectStoragePath"), [true, false, false]);
    assert_eq!(refused("from airflow.timetables.datasets import DatasetOrTimeSchedule"), [true, false, true]);
    assert_eq!(refused("from airflow.hooks.hdfs_hook import HDFSHook"), [false, true, true]);
    for import in [
        "from airflow.operators import bash, python",
        "from airflow.operators.python import ShortCircuitOperator, get_current_context",
        "from airflow.utils.task_group import TaskGroup",
        "from airflow.decorators import task, task_group, setup",
        "from airflow.models import Variable, BaseOperator, DagBag, Param",
        "from airflow.sensors.base import BaseSensorOperator, PokeReturnValue",
        "from airflow.providers.postgres.operators.postgres import PostgresOperator",
    ] {
        assert_eq!(refused(import), [false; 3], "{import}");
    }
}

#[test]
fn an_import_of_what_a_provider_has_may_fail() {
    let source = "from airflow import DAG\ntry:\n    from airflow.hooks.S3_hook import S3Hook\n    NAME = 'there'\n\
except ImportError:\n    NAME = 'not'\nwith DAG(NAME, start_date=1):\n    pass\n";
    let shown = show(&super::model_at(Some("2.11.2"), &[("dags/d.py", source)]));
    assert!(shown.contains("(incomplete)"), "{shown}");
}
