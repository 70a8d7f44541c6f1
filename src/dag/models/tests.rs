//! A model is the same whatever was remembered, and what did not change is not evaluated again.

use super::Models;
use crate::content::{ContentPath, File, Layout, Revision, Snapshot};
use crate::dag::{Model, build};
use crate::ids::AirflowVersion;
use proptest::prelude::*;
use std::collections::BTreeMap;

type Files = BTreeMap<&'static str, &'static str>;

fn snapshot(files: &Files) -> Snapshot {
    let revision = Revision::new("test");
    let mut snapshot = Snapshot::empty(revision.clone());
    for (path, text) in files {
        snapshot.insert(ContentPath::new(path).unwrap(), File::regular(&revision, text.as_bytes()));
    }
    snapshot
}

const USES: &str = "from airflow import DAG\nfrom airflow.operators.empty import EmptyOperator\n";

/// DAG files that find their names in different ways.
const FLOWS: [&str; 7] = [
    "# airflow dag\nfrom flow import *\nfrom pkg.names import NAMES\nmake('one', NAMES)\n",
    "# airflow dag\nfrom flow import *\nimport pkg\nmake('one', pkg.NAMES)\n",
    "# airflow dag\nfrom flow import *\nimport pkg.names\nmake('two', pkg.names.NAMES + pkg.names.NAMES)\n",
    "# airflow dag\nfrom flow import *\ntry:\n    from pkg.more import NAMES\nexcept ImportError:\n    NAMES = ['none']\nmake('three', NAMES)\n",
    "# airflow dag\nfrom flow import *\nfrom pkg import names, more\nmake('four', names.NAMES)\nmake('five', more.NAMES)\n",
    "# airflow dag\nfrom flow import *\nwith open('names.txt') as f:\n    make('six', [f.read()])\n",
    "# airflow dag\ndef late():\n    import pkg.more\nfrom flow import *\nmake('seven', ['x'])\n",
];

const NAMES: [&str; 6] = [
    "NAMES = ['a', 'b']\n",
    "NAMES = ['a', 'c']\n",
    "from pkg.more import NAMES\n",
    "NAMES = [\n",
    "",
    "from .names import NAMES as OTHERS\nNAMES = [name + '_' for name in OTHERS]\n",
];

const MAKES: [&str; 2] = [
    "def make(name, tasks):\n    with DAG(name, start_date=0) as dag:\n        for task in tasks:\n            EmptyOperator(task_id=task)\n    globals()[name] = dag\n    return dag\n",
    "def make(name, tasks):\n    with DAG(name + '_', start_date=0) as dag:\n        last = None\n        for task in tasks:\n            task = EmptyOperator(task_id=task)\n            if last: last >> task\n            last = task\n    return dag\nfirst = make('first', ['p', 'q'])\n",
];

const DATA: [&str; 3] = ["one", "two", "one.py\n"];

/// Places that may hide or complete each other.
pub(super) const PLACES: [(&str, &[&str]); 14] = [
    ("dags/one.py", &FLOWS),
    ("dags/two.py", &FLOWS),
    ("dags/team/three.py", &FLOWS),
    ("dags/flow.py", &MAKES),
    ("shared/flow/__init__.py", &MAKES),
    ("shared/pkg/__init__.py", &NAMES),
    ("shared/pkg/names.py", &NAMES),
    ("shared/pkg/more.py", &NAMES),
    ("dags/pkg.py", &NAMES),
    ("dags/pkg/__init__.py", &NAMES),
    ("dags/pkg/names.py", &NAMES),
    ("dags/pkg/more/__init__.py", &NAMES),
    ("dags/names.txt", &DATA),
    ("dags/.airflowignore", &DATA),
];

fn text(place: usize, variant: usize) -> String {
    let (path, texts) = PLACES[place];
    let text = texts[variant % texts.len()];
    if path.ends_with("flow.py") || path.contains("/flow/") { format!("{USES}{text}") } else { text.to_owned() }
}

/// One step: a place, what becomes of it, and another place.
pub(super) type Edit = (usize, usize, usize);

pub(super) fn apply(tree: &mut BTreeMap<usize, String>, (place, variant, other): Edit) {
    match variant % 8 {
        7 => {
            tree.remove(&place);
        }
        // The file lies elsewhere from now on, with the same content.
        6 => {
            if let Some(text) = tree.remove(&place) {
                tree.insert(other, text);
            }
        }
        _ => {
            tree.insert(place, text(place, variant));
        }
    }
}

pub(super) fn tree_of(tree: &BTreeMap<usize, String>) -> Snapshot {
    let revision = Revision::new("test");
    let mut snapshot = Snapshot::empty(revision.clone());
    for (place, text) in tree {
        let path = ContentPath::new(PLACES[*place].0).unwrap();
        snapshot.insert(path, File::regular(&revision, text.clone().into_bytes()));
    }
    snapshot
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_model_is_the_same_whatever_was_remembered(
        start in proptest::collection::vec(0..32_usize, PLACES.len()),
        edits in proptest::collection::vec((0..PLACES.len(), 0..32_usize, 0..PLACES.len()), 1..12),
        threads in 1..3_usize,
    ) {
        let models = Models::new(threads);
        let mut tree = BTreeMap::new();
        start.iter().enumerate().for_each(|(place, variant)| apply(&mut tree, (place, *variant, place)));
        for (turn, edit) in edits.iter().enumerate() {
            apply(&mut tree, *edit);
            let snapshot = tree_of(&tree);
            let layout = if turn % 5 == 4 { Layout::Plain } else { Layout::Content };
            let airflow = [AirflowVersion::parse("2.6.2"), AirflowVersion::parse("3.3.2"), None][turn / 2 % 3];
            prop_assert_eq!(models.build(&snapshot, layout, airflow), build(&snapshot, layout, airflow));
        }
    }
}

/// How many evaluations are remembered.
fn evaluated(models: &Models) -> usize {
    models.memory.lock().unwrap().evaluations.values().map(Vec::len).sum()
}

/// In the release that finds a module of the DAGs folder first.
fn plain(models: &Models, files: &Files) -> Model {
    models.build(&snapshot(files), Layout::Content, AirflowVersion::parse("2.6.2"))
}

#[test]
fn only_what_a_change_reaches_is_evaluated_again() {
    let make = format!("{USES}{}", MAKES[0]).leak();
    let mut files = Files::from([
        ("dags/flow.py", &*make),
        ("shared/pkg/__init__.py", ""),
        ("shared/pkg/names.py", NAMES[0]),
        ("dags/one.py", FLOWS[0]),
        ("dags/two.py", FLOWS[3]),
        ("dags/team/three.py", FLOWS[6]),
    ]);
    let models = Models::new(1);
    let first = plain(&models, &files);
    // `flow.py` is one of the DAG files.
    assert_eq!((first.dags.len(), evaluated(&models)), (3, 4));
    assert_eq!(plain(&models, &files), first);
    assert_eq!(evaluated(&models), 4, "nothing changed");

    files.insert("dags/pkg.txt", "data that nobody reads");
    plain(&models, &files);
    assert_eq!(evaluated(&models), 4, "nobody asked");

    files.insert("shared/pkg/names.py", NAMES[1]);
    let second = plain(&models, &files);
    assert_eq!(evaluated(&models), 5, "one file imports it");
    assert_ne!(first, second);

    // The module that `two.py` looked for in vain.
    files.insert("shared/pkg/more.py", NAMES[0]);
    plain(&models, &files);
    assert_eq!(evaluated(&models), 6);

    // A package of the DAGs folder hides the shared one.
    files.insert("dags/pkg/__init__.py", "");
    let hidden = plain(&models, &files);
    assert_eq!(evaluated(&models), 8, "both that import it");
    assert_eq!(hidden, plain(&Models::new(2), &files));
}

#[test]
fn what_was_not_used_for_long_is_forgotten() {
    let models = Models::new(1);
    let make = format!("{USES}{}\nmake('m', ['x'])\n", MAKES[0]).leak();
    let mut files = Files::from([("dags/flow.py", &*make), ("dags/gone.py", FLOWS[6])]);
    plain(&models, &files);
    files.remove("dags/gone.py");
    for _ in 0..4 {
        plain(&models, &files);
    }
    let memory = models.memory.lock().unwrap();
    assert_eq!((memory.evaluations.len(), memory.facts.len(), memory.closures.len()), (1, 1, 1));
}
