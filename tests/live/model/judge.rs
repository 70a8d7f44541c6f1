//! The judge itself: a right model is exact, and each single fault lands in its class.

use crate::support::dagbag::Judge;
use crate::support::install::Release;
use crate::support::verdict::{Class, Verdict, compare};
use dagguard::content::{ContentPath, File, Layout, Revision, Snapshot};
use dagguard::dag;
use dagguard::ids::AirflowVersion;
use dagguard::report::model::model_json;
use serde_json::{Value, json};

/// A tree of these files.
pub(crate) fn tree(files: &[(&str, &str)]) -> Snapshot {
    let revision = Revision::new("test");
    let mut tree = Snapshot::empty(revision.clone());
    for (path, text) in files {
        let path = ContentPath::new(*path).expect("a path of the tree");
        tree.insert(path, File::regular(&revision, text.as_bytes()));
    }
    tree
}

/// The model as `dagguard model` writes it.
pub(crate) fn model(tree: &Snapshot, release: &Release) -> Value {
    let version = AirflowVersion::parse(release.version);
    assert!(version.is_some(), "{}", release.version);
    model_json(&dag::build(tree, Layout::of(tree), version))
}

const FIRST: &str = "\
from airflow import DAG
from airflow.decorators import task, task_group
from shared_names import NAMES
import datetime

with DAG('first', start_date=datetime.datetime(2024, 1, 1)) as dag:

    @task
    def numbers():
        return [1, 2]

    @task(trigger_rule='all_done')
    def show(n):
        print(n)

    @task_group
    def both(n):
        show(n)

    listed = numbers()
    show.expand(n=listed)
    both.expand(n=[1, 2, 3])
    for name in NAMES:
        show.override(task_id=name)(listed)
";
const TWO: &str = "\
from airflow import DAG
from airflow.decorators import task
import datetime

day = datetime.datetime(2024, 1, 1)
with DAG('fine', start_date=day) as fine:
    @task
    def only(): ...
    only()

with DAG('cycle', start_date=day) as cycle:
    @task
    def a(): ...
    @task
    def b(): ...
    one, two = a(), b()
    one >> two >> one
";

/// One fault put into the model of the DAG `first`, and the class that it must land in.
type Fault = (&'static str, Class, fn(&mut Value));

const FAULTS: [Fault; 13] = [
    ("another task_id", Class::Wrong, |dag| dag["tasks"][0]["task_id"] = json!("other")),
    ("a task is left out", Class::Wrong, |dag| drop(dag["tasks"].as_array_mut().map(Vec::pop))),
    ("a task is invented", Class::Wrong, |dag| {
        let mut task = dag["tasks"][0].clone();
        task["task_id"] = json!("invented");
        dag["tasks"].as_array_mut().expect("tasks").push(task);
    }),
    ("a task is listed twice", Class::Wrong, |dag| {
        let task = dag["tasks"][0].clone();
        dag["tasks"].as_array_mut().expect("tasks").push(task);
    }),
    ("an edge is left out", Class::Wrong, |dag| dag["tasks"][1]["upstream"] = json!([])),
    ("an edge is invented", Class::Wrong, |dag| dag["tasks"][0]["upstream"] = json!(["show"])),
    ("a mapped task is plain", Class::Wrong, |dag| dag["tasks"][1]["mapped"] = Value::Null),
    ("a group is left out", Class::Wrong, |dag| dag["groups"] = json!([])),
    ("a mapped group is plain", Class::Wrong, |dag| dag["groups"][0]["mapped"] = Value::Null),
    ("a task is in no group", Class::Wrong, |dag| dag["tasks"][2]["group"] = Value::Null),
    ("incomplete without a reason", Class::Wrong, |dag| dag["complete"] = json!(false)),
    ("incomplete and right", Class::Declared, |dag| {
        dag["complete"] = json!(false);
        dag["unknown"] = json!([{ "line": 1, "reason": "a loop over something unknown" }]);
        dag["tasks"] = json!([dag["tasks"][0].clone()]);
    }),
    ("incomplete with a false edge", Class::Wrong, |dag| {
        dag["complete"] = json!(false);
        dag["unknown"] = json!([{ "line": 1, "reason": "a loop over something unknown" }]);
        dag["tasks"][0]["upstream"] = json!(["nowhere"]);
    }),
];

pub(crate) fn a_corrupted_model_is_told(release: &'static Release) {
    let judge = Judge::of(release).unwrap_or_else(|why| panic!("{}", why.0));
    let tree = tree(&[
        ("dags/first.py", FIRST),
        ("dags/two.py", TWO),
        ("dags/broken.py", "from airflow import DAG\nimport nothing_like_it\nDAG('broken')\n"),
        ("dags/no.py", "import airflow\n"),
        ("dags/shared_names.py", "NAMES = ['x', 'y']\n"),
    ]);
    let facts = judge.facts(&tree);
    let files: Vec<&str> = facts.files.keys().map(String::as_str).collect();
    assert_eq!(files, ["dags/broken.py", "dags/first.py", "dags/two.py"]);
    assert!(facts.files["dags/broken.py"].errors[0].contains("nothing_like_it"), "{facts:?}");
    let two = &facts.files["dags/two.py"];
    assert!(two.dags.contains_key("fine") && !two.dags.contains_key("cycle") && two.errors.len() == 1, "{two:?}");

    let right = model(&tree, release);
    let class_of = |verdicts: &[Verdict], id: &str| {
        verdicts.iter().find(|verdict| verdict.dag_id == id).map(|verdict| verdict.class)
    };
    let verdicts = compare(&facts, &right);
    assert_eq!(class_of(&verdicts, "first"), Some(Class::Exact), "{verdicts:#?}");
    let place = right["dags"].as_array().expect("dags").iter().position(|dag| dag["dag_id"] == "first");
    let place = place.expect("the DAG `first`");
    for (name, class, fault) in FAULTS {
        let mut wrong = right.clone();
        fault(&mut wrong["dags"][place]);
        let verdicts = compare(&facts, &wrong);
        assert_eq!(class_of(&verdicts, "first"), Some(class), "{name}: {verdicts:#?}");
    }
    let mut renamed = right.clone();
    renamed["dags"][place]["dag_id"] = json!("other");
    let verdicts = compare(&facts, &renamed);
    assert_eq!(class_of(&verdicts, "first"), Some(Class::Missed), "{verdicts:#?}");
    assert_eq!(class_of(&verdicts, "other"), Some(Class::Phantom), "{verdicts:#?}");
    for (attribute, value) in [
        ("operator", json!("Other")),
        ("trigger_rule", json!("one_failed")),
        ("multiple_outputs", json!(true)),
        ("mapped", json!({ "over": [{ "arg": "n", "length": 7, "tasks": [] }] })),
    ] {
        let mut other = right.clone();
        other["dags"][place]["tasks"][1][attribute] = value;
        let verdicts = compare(&facts, &other);
        let first = verdicts.iter().find(|verdict| verdict.dag_id == "first").expect("a verdict");
        assert_eq!((first.class, first.attributes.len()), (Class::Exact, 1), "{attribute}: {first:#?}");
    }
}
