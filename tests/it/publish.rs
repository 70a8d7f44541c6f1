//! The program's deliveries from outside: killed or broken at system calls, held against git's own
//! checkouts, read while they go on, and on volumes of their own.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test makes files, starts programs, looks at the clock and may panic"
)]

mod equivalence;
mod layout;
mod planned;
mod reader;
mod syscalls;
mod volumes;

use crate::program::{Output, with};
use crate::repositories::Scripted;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What a reader finds below `dags` and `plugins`: text by path, links as `-> target`; neither the
/// syncer's own files nor byte code.
fn tree(home: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for root in ["dags", "plugins"] {
        walk(home, root, &mut found);
    }
    found
}

fn walk(home: &Path, folder: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(home.join(folder)).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if matches!(name.as_str(), ".dagguard" | "__pycache__") || (folder == "plugins" && name == ".airflowignore") {
            continue;
        }
        let path = format!("{folder}/{name}");
        let metadata = fs::symlink_metadata(home.join(&path)).unwrap();
        if metadata.is_dir() {
            walk(home, &path, found);
        } else if metadata.is_symlink() {
            let target = fs::read_link(home.join(&path)).unwrap();
            found.insert(path, format!("-> {}", target.display()));
        } else {
            let text = fs::read(home.join(&path)).unwrap();
            found.insert(path, String::from_utf8_lossy(&text).into_owned());
        }
    }
}

/// The variables of one pass without an Airflow.
fn variables(branch: &Scripted, home: &Path) -> Vec<(String, String)> {
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    vec![
        ("AIRFLOW_HOME".into(), text(home.to_path_buf())),
        ("CONTENT_SYNCER_GIT_REPO_SOURCE".into(), text(branch.bare())),
        ("CONTENT_SYNCER_GIT_REPO_FOLDER".into(), text(branch.root().join("store"))),
        ("DAGGUARD_NO_LIVE".into(), "1".into()),
        ("DAGGUARD_LOG_FORMAT".into(), "json".into()),
    ]
}

/// Runs the program with these arguments on that home.
fn run(branch: &Scripted, home: &Path, args: &[&str], more: &[(&str, &str)]) -> Output {
    let own = variables(branch, home);
    let mut variables: Vec<(&str, &str)> = own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    variables.retain(|(name, _)| !more.iter().any(|(other, _)| name == other));
    variables.extend(more);
    with(branch.root(), args, &variables, "")
}

/// One pass that must deliver.
fn once(branch: &Scripted, home: &Path) {
    let output = run(branch, home, &["sync", "--once"], &[]);
    assert_eq!(output.code, 0, "{}", output.stderr);
}

fn recorded(home: &Path) -> String {
    dagguard::publish::read_record(home).unwrap().map(|record| record.revision.to_string()).unwrap_or_default()
}
