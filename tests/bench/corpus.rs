//! The trees that are measured: Airflow's own examples, where releases are installed under the
//! target directory, and generated ones.

use dagguard::content::{ContentPath, File, Revision, Snapshot};
use dagguard::ids::AirflowVersion;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A tree, and what its DAGs can be measured against.
pub(crate) struct Tree {
    pub(crate) name: String,
    pub(crate) snapshot: Snapshot,
    pub(crate) airflow: Option<AirflowVersion>,
    pub(crate) dagbag: Option<DagBag>,
}

impl Tree {
    fn python(&self) -> impl Iterator<Item = &File> {
        self.snapshot.files().filter(|(path, _)| path.as_str().ends_with(".py")).map(|(_, file)| file)
    }

    pub(crate) fn files(&self) -> usize {
        self.python().count()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.python().map(|file| file.bytes.len()).sum()
    }
}

/// An installed release of Airflow and a folder of DAGs.
pub(crate) struct DagBag {
    home: PathBuf,
    folder: PathBuf,
}

/// What is measured cold: the examples of each release, all of them, and a generated tree.
pub(crate) fn trees() -> Vec<Tree> {
    let mut trees: Vec<Tree> = ["2.6.2", "2.11.2", "3.3.2"].into_iter().filter_map(examples).collect();
    let generated = generated(1_000);
    let mut all = Snapshot::empty(Revision::new("all"));
    for tree in &trees {
        for (path, file) in tree.snapshot.files() {
            let rest = path.below("dags").unwrap_or(path.as_str());
            insert(&mut all, &format!("dags/{}/{rest}", tree.name.replace([' ', '.'], "_")), file.clone());
        }
    }
    for (path, file) in generated.snapshot.files() {
        all.insert(path.clone(), file.clone());
    }
    trees.push(generated);
    trees.push(Tree { name: "all of them".to_owned(), snapshot: all, airflow: None, dagbag: None });
    trees
}

fn insert(snapshot: &mut Snapshot, path: &str, file: File) {
    snapshot.insert(ContentPath::new(path).expect("a path of this program's making"), file);
}

/// The example folder of a release that is installed here.
fn examples(version: &str) -> Option<Tree> {
    let home = installed(version)?;
    let Some(folder) = example_folder(&home) else {
        println!("Airflow {version} is not installed under the target directory: left out");
        return None;
    };
    let revision = Revision::new(version);
    let mut snapshot = Snapshot::empty(revision.clone());
    let mut open = vec![folder.clone()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(&at).ok()?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if let (Ok(rest), Ok(bytes)) = (path.strip_prefix(&folder), std::fs::read(&path)) {
                insert(&mut snapshot, &format!("dags/{}", rest.display()), File::regular(&revision, bytes));
            }
        }
    }
    let dagbag = Some(DagBag { home, folder });
    Some(Tree { name: format!("examples {version}"), snapshot, airflow: AirflowVersion::parse(version), dagbag })
}

/// Where the tests on live servers install a release.
fn installed(version: &str) -> Option<PathBuf> {
    // `<target>/<profile>/deps/<this program>`
    let program = std::env::current_exe().ok()?;
    Some(program.ancestors().nth(3)?.join("airflow").join(version))
}

fn example_folder(home: &Path) -> Option<PathBuf> {
    let pythons = std::fs::read_dir(home.join("lib")).ok()?;
    pythons.flatten().map(|python| python.path().join("site-packages/airflow/example_dags")).find(|path| path.is_dir())
}

impl DagBag {
    /// Processor seconds of loading the folder, after Airflow is imported.
    pub(crate) fn seconds(&self) -> Option<f64> {
        const MEASURE: &str = "import sys, time\n\
            try:\n    from airflow.dag_processing.dagbag import DagBag\nexcept ImportError:\n    from airflow.models import DagBag\n\
            start = time.process_time()\nDagBag(sys.argv[1])\n\
            print('seconds', time.process_time() - start)\n";
        let scratch = std::env::temp_dir().join(format!("dagguard-bench-{}", std::process::id()));
        std::fs::create_dir_all(&scratch).ok()?;
        let template = self.home.join("template");
        for entry in std::fs::read_dir(&template).ok()?.flatten().filter(|entry| entry.path().is_file()) {
            std::fs::copy(entry.path(), scratch.join(entry.file_name())).ok()?;
        }
        let output = Command::new(self.home.join("bin/python"))
            .args(["-c", MEASURE])
            .arg(&self.folder)
            .env("AIRFLOW_HOME", &scratch)
            .env("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
            .env("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", format!("sqlite:///{}/airflow.db", scratch.display()))
            .output()
            .ok();
        let _ = std::fs::remove_dir_all(&scratch);
        let text = String::from_utf8(output?.stdout).ok()?;
        text.lines().find_map(|line| line.strip_prefix("seconds "))?.trim().parse().ok()
    }
}

/// A DAG file that nothing imports.
pub(crate) const LEAF: &str = "dags/team_7/flow_0007.py";
/// A module that every tenth DAG file imports.
pub(crate) const TENTH: &str = "shared/settings/area_3.py";
/// Whether a file is one of those DAG files.
pub(crate) fn is_of_tenth(path: &str) -> bool {
    let number = path.rsplit_once("/flow_").and_then(|(_, name)| name.strip_suffix(".py")?.parse::<usize>().ok());
    number.is_some_and(|number| number / 3 % 10 == 3)
}

/// A module that every DAG file imports.
pub(crate) const ALL: &str = "shared/settings/names.py";

/// A tree of so many DAG files as teams write them: ids from constants of shared modules, tasks in
/// loops, TaskFlow, groups, and one own operator; eight tasks a DAG, as in public repositories.
pub(crate) fn generated(files: usize) -> Tree {
    let revision = Revision::new("generated");
    let mut snapshot = Snapshot::empty(revision.clone());
    let mut add = |path: &str, text: String| insert(&mut snapshot, path, File::regular(&revision, text.into_bytes()));
    add("shared/settings/__init__.py", String::new());
    add(ALL, NAMES.to_owned());
    for area in 0..10 {
        add(&format!("shared/settings/area_{area}.py"), AREA.replace("DIGIT", &area.to_string()));
    }
    add("plugins/operators/load.py", OPERATOR.to_owned());
    for number in 0..files {
        let text = match number % 3 {
            0 => CLASSIC,
            1 => TASKFLOW,
            _ => GROUPS,
        };
        let (team, area) = (number % 20, number / 3 % 10);
        let text = text.replace("NUMBER", &number.to_string()).replace("DIGIT", &area.to_string());
        add(&format!("dags/team_{team}/flow_{number:04}.py"), text);
    }
    Tree { name: "generated".to_owned(), snapshot, airflow: AirflowVersion::parse("2.11.2"), dagbag: None }
}

/// The tree with one more line in a file, another one each turn.
pub(crate) fn touched(snapshot: &Snapshot, path: &str, turn: usize) -> Snapshot {
    let mut now = snapshot.clone();
    let path = ContentPath::new(path).expect("a path of this program's making");
    let before = snapshot.get(&path).expect("the file is in the tree");
    let mut bytes = before.bytes.to_vec();
    bytes.extend(format!("\nTURN = {turn}\n").into_bytes());
    now.insert(path, File::regular(snapshot.revision(), bytes));
    now
}

/// How the tasks of a loop belong together.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Chained,
    Grouped,
    Mapped,
    ListOfTasks,
}

/// One DAG of so many tasks.
pub(crate) fn looped(shape: Shape, tasks: usize) -> Tree {
    let (name, body) = match shape {
        Shape::Chained => (
            "chained",
            format!(
                "    last = None\n    for i in range({tasks}):\n        now = EmptyOperator(task_id=f'task_{{i}}')\n        if last:\n            last >> now\n        last = now\n"
            ),
        ),
        Shape::Grouped => (
            "in groups of ten",
            format!(
                "    for g in range({}):\n        with TaskGroup(f'group_{{g}}') as group:\n            steps = [EmptyOperator(task_id=f'step_{{i}}') for i in range(10)]\n            chain(*steps)\n",
                tasks / 10
            ),
        ),
        Shape::Mapped => (
            "of TaskFlow",
            format!(
                "    @task\n    def give(): return [1]\n    @task\n    def take(x): return x\n    for i in range({}):\n        take.override(task_id=f'take_{{i}}').expand(x=give.override(task_id=f'give_{{i}}')())\n",
                tasks / 2
            ),
        ),
        Shape::ListOfTasks => (
            "after one",
            format!(
                "    first = EmptyOperator(task_id='first')\n    first >> [EmptyOperator(task_id='task_%d' % i) for i in range({})]\n",
                tasks - 1
            ),
        ),
    };
    let text = format!(
        "from airflow import DAG\nfrom airflow.decorators import task\nfrom airflow.models.baseoperator import chain\n\
         from airflow.operators.empty import EmptyOperator\nfrom airflow.utils.task_group import TaskGroup\n\
         with DAG('large', schedule=None):\n{body}"
    );
    let revision = Revision::new("loop");
    let mut snapshot = Snapshot::empty(revision.clone());
    insert(&mut snapshot, "dags/large.py", File::regular(&revision, text.into_bytes()));
    Tree { name: format!("{tasks} tasks {name}"), snapshot, airflow: AirflowVersion::parse("2.11.2"), dagbag: None }
}

/// Counts the tasks of a tree, so that a fast answer is no empty one, and asserts that all of a
/// generated tree is known.
pub(crate) fn tasks(tree: &Tree) -> usize {
    let model = dagguard::dag::build(&tree.snapshot, dagguard::content::Layout::Content, tree.airflow);
    if tree.name == "generated" {
        let unknown = model.dags.iter().find_map(|dag| dag.unknown.first());
        assert!(unknown.is_none() && model.errors.is_empty(), "{unknown:?} {:?}", model.errors.first());
    }
    let tasks = model.dags.iter().map(|dag| dag.tasks.len()).sum();
    assert_ne!(tasks, 0, "{} gives nothing", tree.name);
    tasks
}

const NAMES: &str = r#""""Names that every team uses."""

from datetime import timedelta

OWNER = "data-platform"
REGIONS = ["eu", "us"]
DEFAULTS = {
    "owner": OWNER,
    "retries": 2,
    "retry_delay": timedelta(minutes=5),
    "depends_on_past": False,
}


def dag_name(team: str, name: str) -> str:
    """The id of a DAG."""
    return f"{team}__{name}"
"#;

const AREA: &str = r#""""Settings of one area."""

from settings.names import OWNER, REGIONS

AREA = "area_DIGIT"
TABLES = [f"{AREA}_{name}" for name in ("orders", "customers", "events")]
POOLS = {region: f"{region}_pool" for region in REGIONS}
OWNERS = {table: OWNER for table in TABLES}
"#;

const OPERATOR: &str = r#""""Loads one table."""

from airflow.models import BaseOperator


class LoadTable(BaseOperator):
    """Loads a table of an area into a region."""

    template_fields = ("table",)

    def __init__(self, *, table: str, region: str, **kwargs) -> None:
        super().__init__(task_id=f"load_{table}_{region}", **kwargs)
        self.table = table
        self.region = region

    def execute(self, context):
        self.log.info("loading %s into %s", self.table, self.region)
        for attempt in range(3):
            try:
                return self.load(attempt)
            except ValueError as error:
                self.log.warning("attempt %d: %s", attempt, error)
        raise RuntimeError(f"{self.table} cannot be loaded")

    def load(self, attempt: int) -> int:
        return attempt + len(self.table)
"#;

const CLASSIC: &str = r#""""Loads the tables of area DIGIT into every region.

One task a table and region, a check behind each region, and a report at the end.
"""

from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.bash import BashOperator
from airflow.operators.empty import EmptyOperator
from airflow.operators.python import PythonOperator
from operators.load import LoadTable
from settings.area_DIGIT import POOLS, TABLES
from settings.names import DEFAULTS, REGIONS, dag_name


def check(region: str, **context) -> int:
    """Compares what was loaded with what the source says."""
    expected = context["params"].get("expected", {})
    missing = [table for table in TABLES if table not in expected]
    if missing:
        raise ValueError(f"{region}: nothing is known about {missing}")
    return sum(expected[table] for table in TABLES)


def report(**context) -> None:
    totals = context["ti"].xcom_pull(task_ids=[f"check_{region}" for region in REGIONS])
    for region, total in zip(REGIONS, totals):
        print(f"{region}: {total}")


with DAG(
    dag_id=dag_name("team", "load_NUMBER"),
    description="Loads area DIGIT",
    default_args={**DEFAULTS, "execution_timeout": timedelta(hours=2)},
    start_date=datetime(2024, 1, 1),
    schedule="@daily",
    catchup=False,
    tags=["load", "area_DIGIT"],
) as dag:
    start = EmptyOperator(task_id="start")
    done = PythonOperator(task_id="report", python_callable=report)
    for region in REGIONS:
        checked = PythonOperator(
            task_id=f"check_{region}",
            python_callable=check,
            op_kwargs={"region": region},
            pool=POOLS[region],
        )
        for table in TABLES:
            start >> LoadTable(table=table, region=region) >> checked
        checked >> done
    clean = BashOperator(
        task_id="clean",
        bash_command="rm -rf /tmp/load_NUMBER/{{ ds }}",
        trigger_rule="all_done",
    )
    done >> clean
"#;

const TASKFLOW: &str = r#""""Counts the events of area DIGIT."""

from __future__ import annotations

import json
from datetime import datetime

from airflow.decorators import dag, task
from airflow.models import Variable
from settings.area_DIGIT import AREA, TABLES
from settings.names import DEFAULTS, dag_name

CONNECTION = Variable.get("events_connection", default_var="events_default")


@dag(
    dag_id=dag_name("team", "count_NUMBER"),
    default_args=DEFAULTS,
    schedule="0 4 * * *",
    start_date=datetime(2024, 1, 1),
    catchup=False,
    tags=["count", AREA],
)
def count():
    @task
    def batches(table: str) -> list[dict]:
        """One batch an hour."""
        return [{"table": table, "hour": hour} for hour in range(24)]

    @task(retries=5)
    def events(batch: dict, connection: str) -> int:
        from urllib.request import urlopen

        with urlopen(f"http://{connection}/{batch['table']}/{batch['hour']}") as answer:
            return len(json.load(answer))

    @task(multiple_outputs=True)
    def total(counts: list[int]) -> dict[str, int]:
        found = list(counts)
        return {"total": sum(found), "largest": max(found, default=0)}

    @task.branch
    def enough(total: int) -> str:
        return "publish" if total > 1_000 else "skip"

    @task
    def publish(largest: int) -> None:
        print(f"largest batch: {largest}")

    @task
    def skip() -> None:
        print("too few events")

    table = TABLES[2]
    counted = events.partial(connection=CONNECTION).expand(batch=batches(table))
    found = total(counted)
    enough(found["total"]) >> [publish(found["largest"]), skip()]


count()
"#;

const GROUPS: &str = r#""""Transforms the tables of area DIGIT in groups."""

from datetime import datetime

from airflow import DAG
from airflow.models.baseoperator import chain
from airflow.operators.bash import BashOperator
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup
from airflow.utils.trigger_rule import TriggerRule
from settings.area_DIGIT import AREA, OWNERS, TABLES
from settings.names import DEFAULTS, REGIONS, dag_name

STEPS = ["extract", "transform", "test"]


def transform(table: str, region: str) -> TaskGroup:
    """A group that takes a table through all steps."""
    with TaskGroup(group_id=f"{region}_{table}") as group:
        tasks = []
        for number, step in enumerate(STEPS):
            tasks.append(
                BashOperator(
                    task_id=step,
                    bash_command=f"run-step {number} {step} --table {table} --region {region}",
                    env={"OWNER": OWNERS[table], "AREA": AREA},
                )
            )
        chain(*tasks)
    return group


with DAG(
    dag_id=dag_name("team", "transform_NUMBER"),
    default_args=DEFAULTS,
    start_date=datetime(2024, 1, 1),
    schedule=None,
    doc_md=__doc__,
) as dag:
    first = EmptyOperator(task_id="first")
    last = EmptyOperator(task_id="last", trigger_rule=TriggerRule.NONE_FAILED)
    for region in REGIONS[:1]:
        first >> [transform(table, region) for table in TABLES[:2]] >> last
"#;
