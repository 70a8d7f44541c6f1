//! `dagguard model` and `dagguard schema` as a person or a program calls them.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test writes files and may panic")]

use crate::check::ETL;
use crate::program::dagguard;
use std::fs;

fn tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir(tree.path().join("dags")).unwrap();
    fs::write(tree.path().join("dags/etl.py"), ETL).unwrap();
    fs::write(tree.path().join("dags/broken.py"), "import airflow\ndag = (\n").unwrap();
    tree
}

#[test]
fn a_dag_that_is_not_there_is_said_with_the_nearest() {
    let tree = tree();
    let output = dagguard(tree.path(), &["model", ".", "--dag", "etk"]);
    insta::assert_snapshot!(output.shown(), @r#"
    --- stderr
    dagguard: error: the tree has no DAG of that id: `etk`
      hint: the nearest: `etl`
      hint: a file that does not import defines nothing: dags/broken.py:2: invalid syntax
    --- exit 3
    "#);
    let output = dagguard(tree.path(), &["model", ".", "--explain", "etl", "--output-format", "dot"]);
    insta::assert_snapshot!(output.shown(), @r#"
    --- stderr
    dagguard: error: `--explain` has the forms `text` and `json`
    --- exit 2
    "#);
}

#[test]
fn a_root_that_is_not_there_is_said_with_what_a_root_is() {
    let tree = tree();
    let output = dagguard(tree.path(), &["model", "./dags/etl.py"]);
    insta::assert_snapshot!(output.shown().replace(&*tree.path().to_string_lossy(), "<tree>"), @r#"
    --- stderr
    dagguard: error: cannot be read, Not a directory (os error 20): `<tree>/./dags/etl.py`
      hint: ROOT is the folder of an Airflow repository (with `dags`, `plugins`, `shared`) or of DAG files
    --- exit 3
    "#);
}

#[test]
fn a_dag_is_chosen_and_written_to_a_file() {
    let tree = tree();
    let output = dagguard(tree.path(), &["model", ".", "--dag", "etl", "--output-format", "text", "-o", "etl.txt"]);
    assert_eq!(output.shown(), "--- exit 0\n");
    insta::assert_snapshot!(fs::read_to_string(tree.path().join("etl.txt")).unwrap(), @r#"
    etl  dags/etl.py:6  (2 tasks)
    ├── extract  BashOperator
    └── load     BashOperator  <- extract

    1 DAG, 1 fully known
    "#);
}

#[test]
fn each_schema_is_json() {
    let tree = tree();
    for name in ["report", "model", "explanation", "snapshot", "status", "config"] {
        let output = dagguard(tree.path(), &["schema", name]);
        let schema: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!(schema["title"], format!("dagguard {name}"));
        assert_eq!(output.code, 0);
    }
}
