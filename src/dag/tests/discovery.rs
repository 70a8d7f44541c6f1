//! Which files Airflow looks at; checked against the listings of 2.6.2, 2.11.2 and 3.3.2.

use super::{HEAD, model_at, model_of, show};

/// The files of which the model has a DAG; those in doubt with a question mark.
fn listed(version: Option<&str>, ignore: &[(&str, &str)]) -> String {
    let sources = [
        "dags/a.py",
        "dags/dbt_run.py",
        "dags/team/a.py",
        "dags/team/x.y/b.py",
        "dags/team/dbt/c.py",
        "dags/tests/test_a.py",
    ]
    .map(|path| (path, format!("from airflow import DAG\nd = DAG('{}')\n", path.replace('/', "."))));
    let mut files: Vec<(&str, &str)> = sources.iter().map(|(path, source)| (*path, &**source)).collect();
    files.extend(ignore);
    let model = model_at(version, &files);
    let listed: Vec<String> = model
        .dags
        .iter()
        .map(|dag| {
            format!("{}{}", dag.file.as_str().trim_start_matches("dags/"), if dag.complete() { "" } else { "?" })
        })
        .collect();
    listed.join(" ")
}

#[test]
fn regular_expressions_of_two_and_globs_of_three() {
    let with =
        |lines: &str| ["2.11.2", "3.3.2"].map(|version| listed(Some(version), &[("dags/.airflowignore", lines)]));
    assert_eq!(
        with("dbt\n"),
        ["a.py team/a.py team/x.y/b.py tests/test_a.py", "a.py dbt_run.py team/a.py team/x.y/b.py tests/test_a.py",]
    );
    assert_eq!(
        with("team/.*\\.py$  # all\n"),
        ["a.py dbt_run.py tests/test_a.py", "a.py dbt_run.py team/a.py team/dbt/c.py team/x.y/b.py tests/test_a.py",]
    );
    assert_eq!(
        with("team/*\n!team/a.py\n"),
        ["a.py dbt_run.py tests/test_a.py", "a.py dbt_run.py team/a.py tests/test_a.py",]
    );
    assert_eq!(
        with("**/tests/\n*.y\n"),
        [
            "a.py dbt_run.py team/a.py team/dbt/c.py team/x.y/b.py tests/test_a.py",
            "a.py dbt_run.py team/a.py team/dbt/c.py",
        ]
    );
    assert_eq!(
        with("^a\\.py\n"),
        [
            "dbt_run.py team/a.py team/dbt/c.py team/x.y/b.py tests/test_a.py",
            "a.py dbt_run.py team/a.py team/dbt/c.py team/x.y/b.py tests/test_a.py",
        ]
    );
}

#[test]
fn a_file_below_holds_for_its_folder() {
    let below = [("dags/team/.airflowignore", "a\\.py\n/a.py\n")];
    assert_eq!(listed(Some("2.6.2"), &below), "a.py dbt_run.py team/dbt/c.py team/x.y/b.py tests/test_a.py");
    assert_eq!(listed(Some("3.3.2"), &below), "a.py dbt_run.py team/dbt/c.py team/x.y/b.py tests/test_a.py");
}

#[test]
fn without_a_release_only_what_both_say_hides() {
    assert_eq!(listed(None, &[("dags/.airflowignore", "tests\ndbt\n")]), "a.py dbt_run.py? team/a.py team/x.y/b.py");
}

#[test]
fn lines_that_are_read_otherwise_are_doubts() {
    let doubtful = listed(Some("2.11.2"), &[("dags/.airflowignore", "(?!a)x\n")]);
    assert!(doubtful.starts_with("a.py? dbt_run.py?"), "{doubtful}");
}

#[test]
fn three_looks_for_assets_too() {
    let files = [("dags/a.py", "from airflow.sdk import asset\n@asset(schedule=None)\ndef a(): pass\n")];
    assert_eq!(show(&model_at(Some("3.3.2"), &files)), "a\n  a\n");
    assert_eq!(show(&model_at(Some("2.11.2"), &files)), "");
    assert_eq!(
        show(&model_at(Some("2.11.2"), &[("dags/a.py", "x = 'AirFlow DAG'\nfrom airflow import DAG\nDAG('d')\n")])),
        ""
    );
}

#[test]
fn a_zip_archive_is_said() {
    let entry = |name: &str| {
        let mut bytes = String::from("PK\u{1}\u{2}");
        bytes.push_str(&"\0".repeat(24));
        bytes.push(char::from(u8::try_from(name.len()).unwrap()));
        bytes.push_str(&"\0".repeat(17));
        bytes + name
    };
    let zip = |name: &str| format!("{}PK\u{5}\u{6}{}", entry(name), "\0".repeat(18));
    let model = |name: &str| show(&model_at(Some("2.11.2"), &[("dags/all.zip", &zip(name))]));
    assert_eq!(model("d.py"), "* (incomplete)\n  ? 0: a zip archive is not looked into\n");
    assert_eq!(model("pkg/d.py"), "");
    assert_eq!(model("data.xml"), "");
}

#[test]
fn dags_of_one_id_in_two_files_are_doubted() {
    let source = format!("{HEAD}with DAG('d'):\n    EmptyOperator(task_id='a')\n");
    let model = model_of(&[("dags/one.py", &source), ("dags/two.py", &source)]);
    let reasons: Vec<_> = model.dags.iter().flat_map(|dag| &dag.unknown).map(|unknown| &*unknown.reason).collect();
    let other = ["`dags/two.py`", "`dags/one.py`"].map(|file| format!("{file} defines another DAG of the same id"));
    assert_eq!(reasons, other);
}
