//! `sys.path` as the files of the tree change it.

use super::{model_of, show};

const LIBS: [(&str, &str); 3] = [
    ("dags/libs/only.py", "from shadowed import NAME\nNAMES = ['own', NAME]\n"),
    ("dags/libs/shadowed.py", "NAME = 'front'\n"),
    ("dags/shadowed.py", "NAME = 'usual'\n"),
];

fn shown(source: &str) -> String {
    let source = format!(
        "import os, sys\nfrom pathlib import Path\nfrom airflow import DAG\n\
from airflow.operators.empty import EmptyOperator\nLIBS = os.path.join(os.path.dirname(__file__), 'libs')\n{source}"
    );
    let mut files = LIBS.to_vec();
    files.push(("dags/d.py", &source));
    show(&model_of(&files))
}

const TASKS: &str = "with DAG('d'):\n    for name in NAMES:\n        EmptyOperator(task_id=name)\n";

#[test]
fn a_folder_that_is_put_first_wins() {
    for added in [
        "sys.path.insert(0, LIBS)",
        "if LIBS not in sys.path:\n    sys.path.insert(0, LIBS)",
        "sys.path = [LIBS] + sys.path",
        "sys.path[0:0] = [str(Path(__file__).parent / 'libs')]",
        "from sys import path\npath.insert(1, os.path.abspath(LIBS))",
    ] {
        let shown = shown(&format!("{added}\nfrom only import NAMES\n{TASKS}"));
        assert_eq!(shown, "d\n  own\n  front\n", "{added}");
    }
}

#[test]
fn a_folder_that_is_put_last_is_looked_into_last() {
    for added in ["sys.path.append(LIBS)", "sys.path += [LIBS]", "sys.path.extend([LIBS])"] {
        let shown = shown(&format!("{added}\nfrom only import NAMES\n{TASKS}"));
        assert_eq!(shown, "d\n  own\n  usual\n", "{added}");
    }
}

#[test]
fn a_folder_that_is_taken_away_is_not_looked_into() {
    let shown = shown(&format!(
        "sys.path.insert(0, LIBS)\ntry:\n    import only\nfinally:\n    sys.path.remove(LIBS)\n\
from shadowed import NAME\nNAMES = only.NAMES[:1]\n{TASKS}"
    ));
    assert_eq!(shown, "d\n  own\n");
}

#[test]
fn a_folder_under_a_condition_leaves_the_import_unknown() {
    let shown =
        shown(&format!("if os.environ.get('LOCAL'):\n    sys.path.insert(0, LIBS)\nfrom only import NAMES\n{TASKS}"));
    assert!(shown.contains("under a condition"), "{shown}");
    assert!(shown.contains("d (incomplete)"), "{shown}");
}

#[test]
fn a_path_that_is_no_text_is_passed_over_by_python() {
    let shown = shown(
        "sys.path.insert(0, Path(__file__).parent / 'libs')\nfrom shadowed import NAME\n\
with DAG('d'):\n    EmptyOperator(task_id=NAME)\n",
    );
    assert_eq!(shown, "d\n  usual\n");
}
