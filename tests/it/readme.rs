//! The README's blocks and the files in `docker/` do what they say.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test reads files, runs a shell and may panic")]

use crate::check::ETL;
use crate::repositories::Scripted;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The first fenced block of that language below a heading of the README.
fn block(heading: &str, language: &str) -> String {
    let readme = file("README.md");
    let readme = format!("\n{readme}");
    let (_, section) = readme.split_once(&format!("\n{heading}\n")).unwrap();
    let (_, block) = section.split_once(&format!("```{language}\n")).unwrap();
    block.split_once("```").unwrap().0.to_string()
}

/// Runs a script as a person would who has the program on PATH.
fn shell(dir: &Path, script: &str, variables: &[(&str, &str)]) -> Output {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_dagguard"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    Command::new("sh")
        .args(["-euc", script])
        .current_dir(dir)
        .env_clear()
        .env("PATH", path)
        .env("HOME", dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_sidecar_block_delivers() {
    let branch = Scripted::with(&[("dags/etl.py", ETL)]);
    let home = branch.root().join("home");
    let password = branch.root().join("password");
    fs::create_dir_all(&home).unwrap();
    fs::write(&password, "viewer\n").unwrap();
    let script = block("### Sidecar", "sh")
        .replace("/opt/airflow", home.to_str().unwrap())
        .replace("https://git.example.com/team/content.git", branch.bare().to_str().unwrap())
        .replace("http://airflow-webserver:8080", "http://127.0.0.1:9")
        .replace("/run/secrets/airflow-password", password.to_str().unwrap())
        .replace("dagguard sync ", "dagguard sync --once ");
    let output = shell(branch.root(), &script, &[]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(fs::read_to_string(home.join("dags/etl.py")).unwrap(), ETL);
}

#[test]
fn the_gitlab_job_judges_a_merge_request() {
    let job = file("docker/gitlab-ci.yml");
    let script = job.lines().find_map(|line| line.trim().strip_prefix("- dagguard ")).unwrap();
    let script = format!("dagguard {script}");
    assert!(block("### GitLab CI", "yaml").contains(&script), "README and docker/gitlab-ci.yml differ");

    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    repository.git(&["fetch", "-q", "origin"]);
    repository.git(&["checkout", "-qb", "topic"]);
    let target = [("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main")];
    repository.write(&[("dags/etl.py", &format!("# why\n{ETL}"))]);
    repository.git(&["commit", "-qam", "comment"]);
    let output = shell(&repository.work(), &script, &target);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    repository.write(&[("dags/etl.py", &ETL.replace("\"load\"", "\"load_all\""))]);
    repository.git(&["commit", "-qam", "rename"]);
    let output = shell(&repository.work(), &script, &target);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
}

#[test]
fn the_hook_block_installs_a_hook() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    let output = shell(&repository.work(), &block("### Pre-push hook", "sh"), &[]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(repository.work().join(".git/hooks/pre-push").exists());
}

#[test]
fn the_example_of_a_blocked_change_is_what_the_program_says() {
    let example = block("# dagguard", "text");
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    repository.write(&[("dags/etl.py", &ETL.replace("\"load\"", "\"load_all\""))]);
    fs::write(repository.work().join("runs.json"), crate::check::RUNS).unwrap();
    let output = shell(&repository.work(), "dagguard check --against HEAD --runs runs.json", &[]);
    let real = said(&output);
    let mut lines = real.lines();
    for line in example.lines() {
        // What is long in the README is cut at `…`.
        let start = line.split('…').next().unwrap();
        assert!(lines.any(|real| real.starts_with(start)), "the README says `{line}`, the program\n{real}");
    }
}

#[test]
fn the_model_section_prints_what_it_shows() {
    let tree = tempfile::tempdir().unwrap();
    let heading = "### The DAGs as dagguard sees them";
    for (path, text) in [
        ("dags/etl.py", block(heading, "python")),
        ("shared/warehouse/__init__.py", String::new()),
        ("shared/warehouse/tables.py", "TABLES = [\"orders\", \"users\"]\n".to_owned()),
    ] {
        let path = tree.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let shown = block(heading, "text");
    let (command, expected) = shown.split_once('\n').unwrap();
    let output = shell(tree.path(), command.strip_prefix("$ ").unwrap(), &[]);
    assert_eq!(said(&output), expected);
    let output = shell(tree.path(), &block(heading, "sh"), &[]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("f\"load_{table}\" = \"load_users\""), "{}", said(&output));
    assert!(fs::read_to_string(tree.path().join("etl.mmd")).unwrap().starts_with("flowchart"));
}
