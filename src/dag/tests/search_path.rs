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

/// With another module of that name in a folder of the tree, and what may stand for one.
fn taken_from(added: &str) -> String {
    shown(&format!("{added}\nfrom shadowed import NAME\nwith DAG('d'):\n    EmptyOperator(task_id=NAME)\n"))
}

#[test]
fn a_folder_that_is_not_known_may_hold_another_module_if_it_comes_first() {
    for added in [
        "sys.path.insert(0, os.environ['LIBS'])",
        "sys.path.insert(1, os.environ.get('LIBS', '/x'))",
        "sys.path.insert(0, '/opt/libs')",
        "sys.path = ['/opt/libs', *sys.path]",
        "sys.path[:0] = [os.environ['LIBS']]",
        "sys.path = os.environ['LIBS'].split(':') + sys.path",
        "for folder in os.environ['LIBS'].split(':'):\n    sys.path.insert(0, folder)",
        "sys.path.insert(0, '/opt/x' if os.environ.get('A') else LIBS)",
        "sys.path.insert(0, LIBS if os.environ.get('A') else os.path.dirname(__file__))",
        "sys.path.insert(0, '/opt/airflow/dags/libs')",
        "sys.path.insert(0, os.environ['REPO'] + '/dags/libs')",
        "from airflow.models import Variable\nsys.path.insert(0, Variable.get('LIBS'))",
    ] {
        let shown = taken_from(added);
        assert!(shown.contains("d (incomplete)") && shown.contains("comes first on `sys.path`"), "{added}\n{shown}");
    }
}

#[test]
fn a_folder_that_certainly_holds_no_other_module_changes_nothing() {
    for added in [
        "sys.path.insert(0, os.path.dirname(__file__))",
        "sys.path.insert(0, str(Path(__file__).parents[1]))",
        "sys.path.insert(0, str(Path(__file__).resolve().parents[2]))",
        "sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))",
        "sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', '..'))",
        "sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(__file__))))",
        "sys.path.insert(0, os.environ.get('AIRFLOW_HOME', '/x') + '/src')",
        "sys.path.insert(0, os.environ['REPO'] + '/dags')",
        "sys.path.insert(0, os.getcwd())",
        "sys.path.insert(0, os.path.abspath('..'))",
        "sys.path.insert(0, '../libs')",
        "sys.path.insert(0, '.')",
        "sys.path.insert(0, '/opt/airflow')",
        "sys.path.insert(0, '/opt/airflow/dags')",
        "sys.path.insert(0, '/opt/airflow/src')",
        "sys.path.insert(0, '/usr/local/airflow/dags/more')",
        "sys.path.insert(0, '/usr/lib/python3/dist-packages')",
        "sys.path.append('/opt/libs')",
        "sys.path.append(os.environ['LIBS'])",
        "import shadowed\nsys.path.insert(0, '/opt/libs')",
        "import site\nsite.addsitedir('/opt/libs')",
    ] {
        assert_eq!(taken_from(added), "d\n  usual\n", "{added}");
    }
}

#[test]
fn what_is_imported_already_is_not_looked_for_in_a_folder_that_is_added_later() {
    let source = "import pack.one\nsys.path.insert(0, '/opt/libs')\nfrom pack.two import NAME\n\
with DAG('d'):\n    EmptyOperator(task_id=NAME)\n";
    let source =
        format!("import sys\nfrom airflow import DAG\nfrom airflow.operators.empty import EmptyOperator\n{source}");
    let files = [("dags/d.py", &*source), ("dags/pack/one.py", ""), ("dags/pack/two.py", "NAME = 'two'\n")];
    assert_eq!(show(&model_of(&files)), "d\n  two\n");
}
