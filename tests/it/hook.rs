//! The pre-push hook with the real git on both ends.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test makes files, runs git and may panic")]

use crate::check::ETL;
use crate::program::{dagguard, with};
use crate::repositories::Scripted;
use std::path::Path;
use std::process::{Command, Output};

/// Pushes with the program on PATH, as the hook expects it.
fn push(repository: &Scripted, args: &[&str], variables: &[(&str, &str)]) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_dagguard"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    Command::new("git")
        .arg("push")
        .args(args)
        .current_dir(repository.work())
        .env_clear()
        .env("PATH", path)
        .env("HOME", repository.root())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn installed() -> Scripted {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    repository.git(&["fetch", "-q", "origin"]);
    let output = dagguard(&repository.work(), &["hook", "install"]);
    assert_eq!(output.code, 0, "{}", output.shown());
    repository
}

fn rename(repository: &Scripted) {
    repository.write(&[("dags/etl.py", &ETL.replace("\"load\"", "\"load_all\""))]);
    repository.git(&["commit", "-qam", "rename"]);
}

#[test]
fn a_push_that_would_break_a_run_is_refused_and_a_harmless_one_is_not() {
    let repository = installed();
    repository.write(&[("dags/etl.py", &format!("# why\n{ETL}"))]);
    repository.git(&["commit", "-qam", "comment"]);
    let output = push(&repository, &["origin", "main"], &[]);
    assert!(output.status.success(), "{}", text(&output));

    rename(&repository);
    let output = push(&repository, &["origin", "main"], &[]);
    assert!(!output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("block[task-id-renamed]"), "{}", text(&output));
    // git's own way around a hook stays open.
    assert!(push(&repository, &["--no-verify", "origin", "main"], &[]).status.success());
}

#[test]
fn another_branch_delivers_nothing_so_its_findings_do_not_refuse_it() {
    let repository = installed();
    repository.git(&["checkout", "-qb", "topic"]);
    rename(&repository);
    let output = push(&repository, &["origin", "topic"], &[]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(
        text(&output).contains("task-id-renamed") && text(&output).contains("pushed all the same"),
        "{}",
        text(&output)
    );
    let output = push(&repository, &["origin", ":topic"], &[]);
    assert!(output.status.success(), "a deletion: {}", text(&output));
}

#[test]
fn a_first_push_has_nothing_to_compare_with() {
    let repository = Scripted::new();
    repository.write(&[("dags/etl.py", ETL)]);
    repository.git(&["add", "-A"]);
    repository.git(&["commit", "-qm", "first"]);
    assert_eq!(dagguard(&repository.work(), &["hook", "install"]).code, 0);
    let output = push(&repository, &["origin", "HEAD:main"], &[]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("nothing to compare with"), "{}", text(&output));
}

#[test]
fn a_forced_push_is_compared_with_what_the_remote_has() {
    let repository = installed();
    rename(&repository);
    assert!(push(&repository, &["--no-verify", "origin", "main"], &[]).status.success());
    repository.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let output = push(&repository, &["-f", "origin", "main"], &[]);
    assert!(!output.status.success(), "a rename back is a rename: {}", text(&output));
}

#[test]
fn an_airflow_that_does_not_answer_does_not_hang_the_push() {
    let repository = installed();
    rename(&repository);
    // A listener that never answers: the connection is taken, nothing comes.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let started = std::time::Instant::now();
    let output = push(&repository, &["origin", "main"], &[("DAGGUARD_AIRFLOW_URL", &url)]);
    assert!(started.elapsed().as_secs() < 20);
    assert!(!output.status.success() && text(&output).contains("assumed"), "{}", text(&output));
}

#[test]
fn another_hook_is_not_overwritten() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    let hook = repository.work().join(".git/hooks/pre-push");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\nexit 0\n").unwrap();
    let output = dagguard(&repository.work(), &["hook", "install"]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("add this line to it"), "{}", output.stderr);
    assert_eq!(std::fs::read_to_string(&hook).unwrap(), "#!/bin/sh\nexit 0\n");
}

#[test]
fn the_pre_commit_framework_says_what_is_pushed_in_variables() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    let from = repository.git(&["rev-parse", "HEAD"]);
    rename(&repository);
    let to = repository.git(&["rev-parse", "HEAD"]);
    let variables = [
        ("PRE_COMMIT_FROM_REF", from.as_str()),
        ("PRE_COMMIT_TO_REF", to.as_str()),
        ("PRE_COMMIT_REMOTE_BRANCH", "refs/heads/main"),
        ("PRE_COMMIT_REMOTE_NAME", "origin"),
    ];
    let output = with(&repository.work(), &["hook", "pre-push"], &variables, "");
    assert_eq!(output.code, 1, "{}", output.shown());
}
