//! `dagguard check` from the outside.

#![expect(clippy::disallowed_methods, reason = "a test makes files")]

use crate::program::{dagguard, with};
use crate::repositories::Scripted;
use serde_json::Value;
use std::fs;

pub(crate) const ETL: &str = r#"from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG("etl", start_date=datetime(2024, 1, 1), schedule=None):
    extract = BashOperator(task_id="extract", bash_command="true")
    load = BashOperator(task_id="load", bash_command="true")
    extract >> load
"#;

fn renamed() -> String {
    ETL.replace("\"load\"", "\"load_all\"")
}

/// A run in flight that has extracted and not loaded.
pub(crate) const RUNS: &str = r#"{"schema_version": 1, "taken_at": "2026-01-01T00:00:00Z",
  "instances": [{"name": "default", "airflow_version": "2.11.2",
    "runs": [{"dag_id": "etl", "run_id": "r1", "state": "running",
      "task_instances": [{"task_id": "extract", "map_index": -1, "state": "success"},
                         {"task_id": "load", "map_index": -1, "state": null}]}]}]}"#;

#[test]
fn a_rename_that_hits_a_run_is_shown_from_both_sides_and_exits_1() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    repository.write(&[("dags/etl.py", &renamed())]);
    fs::write(repository.work().join("runs.json"), RUNS).unwrap();
    let output = dagguard(&repository.work(), &["check", "--against", "HEAD", "--runs", "runs.json"]);
    let shown = output.shown().replace(&repository.git(&["rev-parse", "HEAD"])[..12], "<commit>");
    insta::assert_snapshot!(shown, @r#"
    block[task-id-renamed]: task `load` of DAG `etl` is renamed to `load_all`
      --> dags/etl.py:8 (deployed)
       8 |     load = BashOperator(task_id="load", bash_command="true")
      --> dags/etl.py:8 (proposed)
       8 |     load = BashOperator(task_id="load_all", bash_command="true")
       run r1 of `etl` on default: `load` (not started) becomes `removed` and `load_all` takes its place
       safe: keep the id `load` until the runs in flight have ended; on 2.9 and later `task_display_name` changes what people see
       accept: `Dagguard-Accept: 23db59697c3ee014 <reason>` in a commit message, or `# dagguard: ignore[task-id-renamed] <reason>` on the line
       id: 23db59697c3ee014 · `dagguard rule task-id-renamed`

    block: 1 block, 0 warn, 0 info; deployed <commit>, proposed working-tree
    1 of 1 DAGs fully known, 0 partly, 0 not; 1 run in flight seen
    --- exit 1
    "#);
}

#[test]
fn the_same_with_no_runs_in_flight_exits_0_and_says_so() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    repository.write(&[("dags/etl.py", &renamed())]);
    let idle = r#"{"schema_version": 1, "instances": [{"name": "default", "runs": []}]}"#;
    fs::write(repository.work().join("runs.json"), idle).unwrap();
    let output = dagguard(&repository.work(), &["check", "--against", "HEAD", "--runs", "runs.json"]);
    assert_eq!(output.code, 0, "{}", output.shown());
    assert!(output.stdout.contains("safe now: 0 of 0 active runs touch it"), "{}", output.stdout);
}

#[test]
fn without_an_airflow_the_runs_are_assumed() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    repository.write(&[("dags/etl.py", &renamed())]);
    let output = dagguard(&repository.work(), &["check", "--against", "HEAD", "--output-format", "json"]);
    assert_eq!(output.code, 1, "{}", output.shown());
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(report["verdict"], "block");
    assert_eq!(report["findings"][0]["certainty"], "assumed");
    assert_eq!(report["coverage"]["live"], "assumed");
    assert_eq!(report["holds"][0]["paths"][0], "dags/etl.py");
}

#[test]
fn an_unreachable_airflow_is_unavailable_and_undecided_under_fail() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    repository.write(&[("dags/etl.py", &renamed())]);
    // Port 9 of the loopback: nobody listens there.
    let args = ["check", "--against", "HEAD", "--airflow-url", "http://127.0.0.1:9", "--output-format", "json"];
    let output = with(&repository.work(), &args, &[("DAGGUARD_ON_UNREACHABLE", "fail")], "");
    assert_eq!(output.code, 3, "{}", output.shown());
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!((&report["verdict"], &report["coverage"]["live"]), (&"undecided".into(), &"unavailable".into()));

    let output = with(&repository.work(), &args, &[], "");
    assert_eq!(output.code, 1, "static is the default of check: {}", output.shown());
}

#[test]
fn directories_and_revisions_compare_alike() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    repository.write(&[("dags/etl.py", &renamed())]);
    repository.push("rename");
    let (before, after) = (repository.root().join("before/dags"), repository.root().join("after/dags"));
    for (folder, text) in [(&before, ETL), (&after, &renamed())] {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("etl.py"), text).unwrap();
    }
    let findings = |args: &[&str]| -> Value {
        let output = dagguard(&repository.work(), &[&["check", "--output-format", "json"], args].concat());
        assert_eq!(output.code, 1, "{}", output.shown());
        serde_json::from_str::<Value>(&output.stdout).unwrap()["findings"].clone()
    };
    let by_revision = findings(&["HEAD", "--against", "HEAD~1"]);
    let by_directory = findings(&["../after", "--against", "../before"]);
    let mixed = findings(&["dir:../after", "--against", "git:HEAD~1"]);
    assert_eq!(by_revision, by_directory);
    assert_eq!(by_revision, mixed);
}

/// Neither git nor an archive keeps an empty folder: a side from which the last file went has none.
#[test]
fn a_proposed_folder_that_is_not_there_blocks_where_runs_need_it_and_is_never_safe() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    let before = repository.root().join("before/dags");
    fs::create_dir_all(&before).unwrap();
    fs::write(before.join("etl.py"), ETL).unwrap();
    let idle = r#"{"schema_version": 1, "instances": [{"name": "default", "runs": []}]}"#;
    for (name, runs) in [("runs.json", RUNS), ("idle.json", idle)] {
        fs::write(repository.work().join(name), runs).unwrap();
    }
    let check = |args: &[&str]| dagguard(&repository.work(), &[&["check"], args].concat());
    for after in ["../after", "dir:../after"] {
        let hurt = check(&[after, "--against", "../before", "--runs", "runs.json"]);
        assert_eq!(hurt.code, 1, "{}", hurt.shown());
        assert!(hurt.stdout.contains("dag-id-removed"), "{}", hurt.shown());
        assert!(hurt.stdout.contains(&format!("nothing is at `{after}`")), "{}", hurt.shown());
        for args in [&["--runs", "idle.json"][..], &["--runs", "runs.json", "--exit-zero"]] {
            let unhurt = check(&[&[after, "--against", "../before"], args].concat());
            assert_eq!((unhurt.code, unhurt.stdout.as_str()), (3, ""), "{}", unhurt.shown());
        }
    }
    for args in [["../elsewhere/after", "--against", "../before"], ["../after", "--against", "HEAD"]] {
        let unknown = check(&[&args[..], &["--runs", "runs.json"]].concat());
        assert_eq!(unknown.code, 3, "{args:?}: {}", unknown.shown());
    }
}

#[test]
fn a_merge_base_is_where_the_branch_left() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    repository.git(&["checkout", "-qb", "topic"]);
    repository.write(&[("dags/etl.py", &renamed())]);
    repository.git(&["commit", "-qam", "rename"]);
    repository.git(&["checkout", "-q", "main"]);
    repository.write(&[("dags/other.py", "x = 1\n")]);
    repository.push("elsewhere");
    repository.git(&["checkout", "-q", "topic"]);
    let args = ["check", "HEAD", "--against", "merge-base:main", "--output-format", "json"];
    let output = dagguard(&repository.work(), &args);
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(report["findings"].as_array().unwrap().len(), 1, "{report}");
}

#[test]
fn a_comment_is_no_change_and_needs_no_airflow() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    repository.write(&[("dags/etl.py", &format!("# why\n{ETL}"))]);
    let args = ["check", "--against", "HEAD", "--airflow-url", "http://127.0.0.1:9", "--on-unreachable", "fail"];
    let output = dagguard(&repository.work(), &args);
    assert_eq!(output.code, 0, "{}", output.shown());
}

#[test]
fn a_syntax_error_blocks_whatever_runs() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    repository.write(&[("dags/etl.py", &ETL.replace("schedule=None):", "schedule=None:"))]);
    let idle = r#"{"schema_version": 1, "instances": [{"name": "default", "runs": []}]}"#;
    fs::write(repository.work().join("runs.json"), idle).unwrap();
    let output = dagguard(&repository.work(), &["check", "--against", "HEAD", "--runs", "runs.json"]);
    assert_eq!(output.code, 1, "{}", output.shown());
    assert!(output.stdout.contains("block[syntax-error]"), "{}", output.stdout);
}

#[test]
fn bad_input_gives_a_finding_or_a_bound_and_never_a_panic() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    let deep = format!("# dag airflow\nx = {}1{}\n", "(".repeat(10_000), ")".repeat(10_000));
    let large = format!("# dag airflow\nx = [{}]\n", "1, ".repeat(5 << 20 >> 2));
    repository.write(&[("dags/deep.py", &deep), ("dags/large.py", &large)]);
    fs::write(repository.work().join("dags/latin.py"), b"# dag airflow\nname = '\xe9'\n").unwrap();
    fs::write(repository.work().join("dags/null.py"), b"# dag airflow\nx = 1\0\n").unwrap();
    let output = dagguard(&repository.work(), &["check", "--against", "HEAD", "--output-format", "json"]);
    assert!(matches!(output.code, 0 | 1), "{}", output.shown());
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    let about: Vec<&str> =
        report["findings"].as_array().unwrap().iter().filter_map(|f| f["proposed"]["path"].as_str()).collect();
    assert!(about.contains(&"dags/latin.py") && about.contains(&"dags/null.py"), "{about:?}");
    assert_eq!(report["coverage"]["dags_exact"], 1);
}

#[test]
fn what_cannot_be_resolved_exits_3_with_the_next_step() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    let output = dagguard(&repository.work(), &["check", "--against", "no-such-branch"]);
    insta::assert_snapshot!(output.shown(), @r"
    --- stderr
    dagguard: error: no such revision here: `no-such-branch`
      hint: a revision as git knows it (a branch, a tag, an id, `origin/main`), or an existing directory
    --- exit 3
    ");
    let output = dagguard(&repository.work(), &["check"]);
    assert_eq!(output.code, 2, "{}", output.shown());
    let output = dagguard(&repository.work(), &["check", "--against", "HEAD", "--select", "task-id-renamd"]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("did you mean `task-id-renamed`?"), "{}", output.stderr);
    let output = with(&repository.work(), &["check", "--against", "HEAD"], &[("DAGGUARD_AIRFLOW_ULR", "x")], "");
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("DAGGUARD_AIRFLOW_URL"), "{}", output.stderr);
}

#[test]
fn a_file_of_runs_that_is_none_is_refused_with_the_next_step() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    for (text, code) in [(Some("no json"), 2), (Some(r#"{"schema_version": 99}"#), 2), (None, 3)] {
        if let Some(text) = text {
            fs::write(repository.work().join("runs.json"), text).unwrap();
        }
        let path = if text.is_some() { "runs.json" } else { "missing.json" };
        let output = dagguard(&repository.work(), &["check", "--against", "HEAD", "--runs", path]);
        assert_eq!((output.code, output.stdout.as_str()), (code, ""), "{}", output.shown());
        assert!(
            output.stderr.contains(path) && output.stderr.contains("hint: `dagguard snapshot"),
            "{}",
            output.shown()
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    let program = env!("CARGO_BIN_EXE_dagguard");
    let script = format!("'{program}' rule task-id-renamed | head -c 1 >/dev/null; echo done");
    let output =
        std::process::Command::new("sh").args(["-c", &script]).current_dir(repository.work()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "done\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn terminal_escapes_of_a_branch_do_not_reach_the_terminal() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    repository.write(&[("dags/etl.py", &ETL.replace("\"load\"", "\"load\\x1b[31m\""))]);
    let output = dagguard(&repository.work(), &["check", "--against", "HEAD"]);
    assert!(!output.stdout.contains('\u{1b}'), "{:?}", output.stdout);
    assert!(output.stdout.contains("[31m"), "{:?}", output.stdout);
    assert_eq!(output.code, 1);
}

#[test]
fn a_tree_that_is_named_by_an_unset_variable_is_wrong_usage_and_never_an_allow() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    for against in ["", "git:", "dir:", "merge-base:"] {
        let output = dagguard(&repository.work(), &["check", "HEAD", "--against", against]);
        assert_eq!(output.code, 2, "{}", output.shown());
        assert!(output.stderr.contains("hint: name a directory or a git revision"), "{}", output.shown());
    }
}

#[test]
fn without_a_command_the_commands_are_shown_and_the_exit_is_2() {
    let repository = Scripted::new();
    let output = dagguard(&repository.work(), &[]);
    assert_eq!((output.code, output.stdout.as_str()), (2, ""));
    assert!(output.stderr.starts_with("dagguard: error: a command is needed\n"), "{}", output.stderr);
    assert!(output.stderr.contains("Judge a change against the runs in flight"), "{}", output.stderr);
}
