//! `dagguard sync` from the outside: variables in, log and exit code out. No Airflow here; what a
//! real one adds is in `tests/live`.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test makes files, starts programs and may panic"
)]

use crate::check::ETL;
use crate::program::{Output, command, with};
use crate::repositories::{Scripted, write};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

const SHARED: &str = "def today():\n    return 1\n";

fn branch() -> Scripted {
    Scripted::with(&[
        ("dags/etl.py", ETL),
        ("shared/dates/__init__.py", SHARED),
        ("plugins/operators/mine.py", "x = 1\n"),
        ("README.md", "not content\n"),
    ])
}

fn home(branch: &Scripted) -> PathBuf {
    branch.root().join("home")
}

/// The variables of the reference script.
fn variables(branch: &Scripted) -> Vec<(String, String)> {
    vec![
        ("AIRFLOW_HOME".into(), home(branch).to_string_lossy().into_owned()),
        ("CONTENT_SYNCER_GIT_REPO_SOURCE".into(), branch.bare().to_string_lossy().into_owned()),
        ("CONTENT_SYNCER_GIT_REPO_FOLDER".into(), branch.root().join("clone").to_string_lossy().into_owned()),
        ("CONTENT_SYNCER_INTERVAL".into(), "1".into()),
        ("DAGGUARD_LOG_FORMAT".into(), "json".into()),
    ]
}

fn once(branch: &Scripted, args: &[&str], more: &[(&str, &str)]) -> Output {
    fs::create_dir_all(home(branch)).unwrap();
    let own = variables(branch);
    let mut variables: Vec<(&str, &str)> = own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    variables.retain(|(name, _)| !more.iter().any(|(other, _)| name == other));
    variables.extend(more);
    with(branch.root(), args, &variables, "")
}

/// Every file below a folder but the syncer's own, as `path: text`.
fn tree(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with(".dagguard") {
                    open.push(path);
                }
            } else {
                let text = fs::read_to_string(&path).unwrap();
                found.push(format!(
                    "{}: {}",
                    path.strip_prefix(dir).unwrap().display(),
                    text.lines().next().unwrap_or("")
                ));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_word_once_delivers_the_content_and_nothing_else_and_exits_0() {
    let branch = branch();
    let output = once(&branch, &["once"], &[]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let head = branch.git(&["rev-parse", "HEAD"]);
    assert!(output.stderr.contains(&format!("Updating to revision {head}")), "{}", output.stderr);
    assert_eq!(output.stdout, "", "stdout carries reports only");
    assert_eq!(
        tree(&home(&branch)),
        [
            "dags/etl.py: from datetime import datetime",
            "plugins/.airflowignore: # dagguard: delivered folders without a plugin, read anew at each parse",
            "plugins/dates/__init__.py: def today():",
            "plugins/operators/mine.py: x = 1"
        ]
    );
    // The same revision again: no update, exit 0 (R17).
    let output = once(&branch, &["sync", "--once"], &[]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(!output.stderr.contains("Updat") && output.stderr.contains("\"outcome\":\"noop\""), "{}", output.stderr);
}

#[test]
fn a_missing_source_is_exit_64_and_names_the_variable_and_the_token_form() {
    let branch = branch();
    let output = once(&branch, &["sync"], &[("CONTENT_SYNCER_GIT_REPO_SOURCE", "")]);
    insta::assert_snapshot!(output.shown(), @r"
    --- stderr
    dagguard: error: the git source is missing: set `CONTENT_SYNCER_GIT_REPO_SOURCE`
      hint: a private repository over https takes a token: https://<user>:<token>@<host>/<group>/<repository>.git
    --- exit 64
    ");
}

#[test]
fn what_does_not_import_is_refused_without_any_airflow() {
    let branch = branch();
    assert_eq!(once(&branch, &["once"], &[]).code, 0);
    branch.write(&[("dags/etl.py", &ETL.replace("schedule=None):", "schedule=None:"))]);
    branch.push("broken");
    let output = once(&branch, &["sync", "--once"], &[]);
    assert_eq!(output.code, 0, "a held older tree is whole: {}", output.stderr);
    assert!(output.stderr.contains("block[syntax-error]"), "{}", output.stderr);
    assert!(output.stderr.contains("\"outcome\":\"blocked\""), "{}", output.stderr);
    assert_eq!(fs::read_to_string(home(&branch).join("dags/etl.py")).unwrap(), ETL);
    assert_eq!(once(&branch, &["sync", "--once=strict"], &[]).code, 1);
}

#[test]
fn without_an_airflow_it_delivers_like_the_script_and_says_that_nothing_is_checked() {
    let branch = branch();
    once(&branch, &["once"], &[]);
    branch.write(&[("dags/etl.py", &ETL.replace("\"load\"", "\"load_all\""))]);
    branch.push("rename");
    let output = once(&branch, &["sync", "--once"], &[]);
    assert_eq!(output.code, 0);
    assert!(output.stderr.contains("nothing is checked against runs in flight"), "{}", output.stderr);
    assert!(fs::read_to_string(home(&branch).join("dags/etl.py")).unwrap().contains("load_all"));
    let output = once(&branch, &["sync", "--once", "--no-live"], &[]);
    assert!(!output.stderr.contains("nothing is checked"), "{}", output.stderr);
}

#[test]
fn an_unreachable_airflow_holds_a_rename_and_lets_a_comment_through() {
    let branch = branch();
    // Port 9 of the loopback: nobody listens there.
    let down = [("DAGGUARD_AIRFLOW_URL", "http://127.0.0.1:9")];
    let output = once(&branch, &["sync", "--once"], &down);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.stderr.contains("\"outcome\":\"unjudged\""), "an empty home is filled: {}", output.stderr);

    branch.write(&[("dags/etl.py", &format!("# why\n{ETL}"))]);
    branch.push("comment");
    let output = once(&branch, &["sync", "--once"], &down);
    assert!(output.stderr.contains("\"outcome\":\"success\""), "{}", output.stderr);

    branch.write(&[("dags/etl.py", &format!("# why\n{}", ETL.replace("\"load\"", "\"load_all\"")))]);
    branch.push("rename");
    let output = once(&branch, &["sync", "--once"], &down);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.stderr.contains("\"outcome\":\"blocked\""), "{}", output.stderr);
    assert!(!fs::read_to_string(home(&branch).join("dags/etl.py")).unwrap().contains("load_all"));
}

#[test]
fn a_restart_on_an_empty_home_while_the_branch_is_held_follows_bootstrap() {
    let branch = branch();
    let down = [("DAGGUARD_AIRFLOW_URL", "http://127.0.0.1:9")];
    once(&branch, &["sync", "--once"], &down);
    branch.write(&[("dags/etl.py", &ETL.replace("\"load\"", "\"load_all\""))]);
    branch.push("rename");
    assert!(once(&branch, &["sync", "--once"], &down).stderr.contains("\"outcome\":\"blocked\""));

    fs::remove_dir_all(home(&branch)).unwrap();
    let output = once(&branch, &["sync", "--once", "--bootstrap", "wait"], &down);
    assert_eq!(output.code, 3, "no complete tree could be delivered: {}", output.stderr);
    let output = once(&branch, &["sync", "--once"], &down);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(fs::read_to_string(home(&branch).join("dags/etl.py")).unwrap().contains("load_all"));
}

#[test]
fn the_layout_of_the_reference_script_is_adopted_without_a_rewrite() {
    let branch = branch();
    write(
        &home(&branch),
        &[
            ("dags/etl.py", ETL),
            ("plugins/dates/__init__.py", SHARED),
            ("plugins/operators/mine.py", "x = 1\n"),
            ("plugins/foreign/theirs.py", "y = 1\n"),
        ],
    );
    let old = std::time::SystemTime::now() - Duration::from_hours(1);
    for file in ["dags/etl.py", "plugins/dates/__init__.py", "plugins/operators/mine.py"] {
        fs::File::options().write(true).open(home(&branch).join(file)).unwrap().set_modified(old).unwrap();
    }
    let modified = |file: &str| fs::metadata(home(&branch).join(file)).unwrap().modified().unwrap();
    let before = modified("dags/etl.py");
    for pass in ["taken over", "after rm -rf of the record"] {
        let output = once(&branch, &["once"], &[]);
        assert_eq!(output.code, 0, "{pass}: {}", output.stderr);
        for file in ["dags/etl.py", "plugins/dates/__init__.py", "plugins/operators/mine.py"] {
            assert_eq!(modified(file), before, "{pass}: {file} was rewritten");
        }
        assert!(home(&branch).join("plugins/foreign/theirs.py").exists(), "{pass}");
        fs::remove_dir_all(home(&branch).join(".dagguard")).unwrap();
    }
}

#[test]
fn what_cannot_be_delivered_says_what_to_do_and_leaves_what_is_deployed() {
    let branch = branch();
    assert_eq!(once(&branch, &["once"], &[]).code, 0);
    let deployed = tree(&home(&branch));
    let missing = branch.root().join("nowhere.git").to_string_lossy().into_owned();
    let empty = Scripted::new();
    let empty = empty.bare().to_string_lossy().into_owned();
    let barren = Scripted::with(&[("docs/readme.md", "no content\n")]);
    let barren = barren.bare().to_string_lossy().into_owned();
    for (variable, value, words, code) in [
        ("CONTENT_SYNCER_GIT_REPO_BRANCH", "no-such", "branch does not exist", 3),
        ("CONTENT_SYNCER_GIT_REPO_SOURCE", missing.as_str(), "no repository there", 3),
        ("CONTENT_SYNCER_GIT_REPO_SOURCE", empty.as_str(), "is empty", 3),
        // Refused like a hold: what is deployed is whole. So is it while the network is down.
        ("CONTENT_SYNCER_GIT_REPO_SOURCE", barren.as_str(), "holds none of the folders", 0),
        ("CONTENT_SYNCER_GIT_REPO_SOURCE", "https://127.0.0.1:9/content.git", "not reached", 0),
    ] {
        let output = once(&branch, &["sync", "--once"], &[(variable, value)]);
        assert!(output.stderr.contains(words), "{words}: {}", output.stderr);
        assert_eq!(output.code, code, "{words}: {}", output.stderr);
        assert_eq!(tree(&home(&branch)), deployed, "{words}");
    }
    let output = once(&branch, &["sync", "--once"], &[("DAGGUARD_INTERVAL", "never")]);
    assert_eq!(output.code, 2, "{}", output.stderr);
}

#[test]
fn a_home_that_cannot_be_written_is_exit_3_with_its_name() {
    let branch = branch();
    let file = branch.root().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("home").to_string_lossy().into_owned();
    let output = once(&branch, &["sync", "--once"], &[("AIRFLOW_HOME", &below)]);
    assert_eq!(output.code, 3, "{}", output.stderr);
    assert!(output.stderr.contains(&below), "{}", output.stderr);
}

#[test]
fn a_token_in_the_url_shows_nowhere() {
    let branch = branch();
    let source = "https://user:s3cr3t-t0ken@127.0.0.1:9/group/content.git";
    let output = once(&branch, &["sync", "--once", "-vv"], &[("CONTENT_SYNCER_GIT_REPO_SOURCE", source)]);
    assert_eq!(output.code, 3, "{}", output.stderr);
    assert!(!output.stderr.contains("s3cr3t"), "{}", output.stderr);
    let output = once(&branch, &["sync", "--once", "--source", source], &[("CONTENT_SYNCER_GIT_REPO_SOURCE", "")]);
    assert_eq!(output.code, 2, "typed, where every process can read it: {}", output.stderr);
    assert!(!output.stderr.contains("s3cr3t"), "{}", output.stderr);
}

#[test]
fn sigterm_ends_cleanly_and_a_new_commit_is_delivered_until_then() {
    let branch = branch();
    fs::create_dir_all(home(&branch)).unwrap();
    let own = variables(&branch);
    let variables: Vec<(&str, &str)> = own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut child =
        command(branch.root(), &["sync"], &variables).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let wait_for = |path: &str, text: &str| {
        let end = Instant::now() + Duration::from_secs(30);
        while !fs::read_to_string(home(&branch).join(path)).is_ok_and(|found| found.contains(text)) {
            assert!(Instant::now() < end, "{path} did not become {text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait_for("dags/etl.py", "extract");
    branch.write(&[("dags/etl.py", &format!("# second\n{ETL}"))]);
    branch.push("second");
    wait_for("dags/etl.py", "# second");
    let asked = Instant::now();
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let mut log = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut log).unwrap();
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}: {log}");
    assert!(asked.elapsed() < Duration::from_secs(10));
    assert!(log.contains("asked to end"), "{log}");
}

#[test]
fn a_held_commit_goes_when_a_later_one_accepts_what_held_it() {
    let branch = branch();
    assert_eq!(once(&branch, &["once"], &[]).code, 0);
    branch.write(&[("dags/etl.py", &ETL.replace("\"load\"", "\"load_all\""))]);
    branch.push("rename");
    // Port 9 of the loopback: nobody listens there, so that every state of a run is assumed.
    let unseen = [("DAGGUARD_AIRFLOW_URL", "http://127.0.0.1:9")];
    let output = once(&branch, &["sync", "--once"], &unseen);
    assert!(output.stderr.contains("\"outcome\":\"blocked\""), "{}", output.stderr);
    let line = output.stderr.split("Dagguard-Accept: ").nth(1).unwrap();
    let fingerprint = line.split_whitespace().next().unwrap();
    branch.push(&format!("say why\n\nDagguard-Accept: {fingerprint} the table is empty"));
    let output = once(&branch, &["sync", "--once"], &unseen);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.stderr.contains("accepted by commit"), "{}", output.stderr);
    assert!(fs::read_to_string(home(&branch).join("dags/etl.py")).unwrap().contains("load_all"));
}

#[test]
fn a_change_of_the_policy_alone_is_judged_too() {
    let branch = branch();
    branch.write(&[("dagguard.toml", "[policy]\nlock = [\"self-disarm\", \"task-id-renamed\"]\n")]);
    branch.push("lock");
    assert_eq!(once(&branch, &["once"], &[]).code, 0);
    branch.write(&[("dagguard.toml", "[policy]\nlock = []\n")]);
    branch.push("unlock");
    let output = once(&branch, &["sync", "--once=strict", "--no-live"], &[]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stderr.contains("block[self-disarm]"), "{}", output.stderr);
}

/// A work tree that a developer saves into, and the home of a local Airflow.
fn watched(root: &Path) -> (PathBuf, PathBuf) {
    let (tree, home) = (root.join("repository"), root.join("airflow"));
    write(&tree, &[("dags/etl.py", ETL), ("plugins/operators/mine.py", "x = 1\n"), ("README.md", "not content\n")]);
    fs::create_dir_all(&home).unwrap();
    (tree, home)
}

#[test]
fn a_saved_file_reaches_a_local_airflow_within_two_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let (tree, home) = watched(dir.path());
    let variables = [("AIRFLOW_HOME", home.to_str().unwrap()), ("DAGGUARD_LOG_FORMAT", "json")];
    let watch = ["sync", "--watch", tree.to_str().unwrap(), "--no-live"];
    let mut child =
        command(dir.path(), &watch, &variables).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let took = |path: &str, text: Option<&str>, limit: u64| {
        let begun = Instant::now();
        let there = || match (fs::read_to_string(home.join(path)), text) {
            (Ok(found), Some(text)) => found.contains(text),
            (found, text) => found.is_err() && text.is_none(),
        };
        while !there() {
            assert!(begun.elapsed() < Duration::from_secs(limit), "{path} did not become {text:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
        begun.elapsed()
    };
    took("dags/etl.py", Some("extract"), 30);
    // The first pass may still be at its end; the watch is older than that.
    let mut times = Vec::new();
    for n in 0..3 {
        fs::write(tree.join("dags/etl.py"), format!("# saved {n}\n{ETL}")).unwrap();
        times.push(took("dags/etl.py", Some(&format!("# saved {n}")), 10));
    }
    // As an editor does: beside it, then in its place; in a folder that is new; and a removal.
    fs::write(tree.join("plugins/operators/.mine.py.swp"), "x = 2\n").unwrap();
    fs::rename(tree.join("plugins/operators/.mine.py.swp"), tree.join("plugins/operators/mine.py")).unwrap();
    times.push(took("plugins/operators/mine.py", Some("x = 2"), 10));
    write(&tree, &[("dags/sub/other.py", "y = 1\n")]);
    times.push(took("dags/sub/other.py", Some("y = 1"), 10));
    fs::remove_file(tree.join("dags/sub/other.py")).unwrap();
    times.push(took("dags/sub/other.py", None, 10));
    // What does not import is held, and goes when it is mended.
    fs::write(tree.join("dags/etl.py"), ETL.replace("schedule=None):", "schedule=None:")).unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    assert!(fs::read_to_string(home.join("dags/etl.py")).unwrap().contains("# saved 2"));
    fs::write(tree.join("dags/etl.py"), format!("# mended\n{ETL}")).unwrap();
    times.push(took("dags/etl.py", Some("# mended"), 10));
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let mut log = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut log).unwrap();
    assert!(child.wait().unwrap().success(), "{log}");
    let median = {
        times.sort();
        times[times.len() / 2]
    };
    assert!(median < Duration::from_secs(2), "{times:?}");
    assert!(log.contains("block[syntax-error]"), "{log}");
}

#[test]
fn a_home_that_leads_back_into_the_watched_tree_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (tree, home) = watched(dir.path());
    let run = |home: &Path| {
        let variables = [("AIRFLOW_HOME", home.to_str().unwrap())];
        with(dir.path(), &["sync", "--once", "--watch", tree.to_str().unwrap(), "--no-live"], &variables, "")
    };
    // As a set-up helper links them for standalone work.
    std::os::unix::fs::symlink(tree.join("dags"), home.join("dags")).unwrap();
    let before = super::sync::tree(&tree);
    for home in [&home, &tree] {
        let output = run(home);
        assert_eq!(output.code, 2, "{}", output.stderr);
        assert!(output.stderr.contains("would be written into the work tree"), "{}", output.stderr);
    }
    assert_eq!(super::sync::tree(&tree), before);
    assert!(home.join("dags").is_symlink() && !home.join(".dagguard").exists());
    fs::remove_file(home.join("dags")).unwrap();
    // A link to anywhere else is not written through either.
    fs::create_dir(dir.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("elsewhere"), home.join("plugins")).unwrap();
    let output = run(&home);
    assert_eq!(output.code, 3, "{}", output.stderr);
    assert_eq!(fs::read_dir(dir.path().join("elsewhere")).unwrap().count(), 0);
    fs::remove_file(home.join("plugins")).unwrap();
    // A home inside the repository, beside the content, is one that developers have.
    let output = run(&tree.join(".airflow"));
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(tree.join(".airflow/dags/etl.py").exists());
}
