//! The program itself, killed or given an error at one system call of a delivery after another, by
//! strace's fault injection.

use super::{recorded, run, tree, variables};
use crate::repositories::Scripted;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Calls that change something on disk, or promise that it stays.
const CALLS: [&str; 12] = [
    "rename",
    "renameat2",
    "unlink",
    "unlinkat",
    "fsync",
    "mkdir",
    "rmdir",
    "utimensat",
    "write",
    "fchmod",
    "symlink",
    "chmod",
];

type Files = &'static [(&'static str, &'static str)];

/// What changes in one delivery: files written, files taken away.
struct Change {
    name: &'static str,
    writes: Files,
    removals: &'static [&'static str],
}

const FIRST: Files = &[
    ("dags/a.py", "a = 1\n"),
    ("dags/b.py", "b = 1\n"),
    ("dags/x/y.py", "y = 1\n"),
    ("dags/file.sql", "1\n"),
    ("plugins/operators/o.py", "o = 1\n"),
    ("plugins/sensors/s.py", "s = 1\n"),
    ("shared/etl/d.py", "d = 1\n"),
    ("shared/old/e.py", "e = 1\n"),
];

const CHANGES: [Change; 20] = [
    Change {
        name: "some of everything",
        writes: &[
            ("dags/a.py", "a = 2\n"),
            ("dags/n.py", "n = 1\n"),
            ("shared/new/n.py", "n = 1\n"),
            ("dags/x", "y = 2\n"),
        ],
        removals: &["dags/b.py", "shared/old", "dags/x"],
    },
    Change { name: "a new DAG", writes: &[("dags/n.py", "n = 1\n")], removals: &[] },
    Change { name: "a changed DAG", writes: &[("dags/a.py", "a = 2\n")], removals: &[] },
    Change { name: "a DAG goes", writes: &[], removals: &["dags/b.py"] },
    Change { name: "a folder goes", writes: &[], removals: &["dags/x"] },
    Change { name: "a shared folder goes", writes: &[], removals: &["shared/old"] },
    Change { name: "a new operator", writes: &[("plugins/operators/n.py", "n = 1\n")], removals: &[] },
    Change {
        name: "an operator and its DAG",
        writes: &[("plugins/operators/o.py", "o = 2\n"), ("dags/a.py", "a = 2\n")],
        removals: &[],
    },
    Change {
        name: "code in all roots",
        writes: &[
            ("plugins/operators/o.py", "o = 2\n"),
            ("plugins/sensors/s.py", "s = 2\n"),
            ("shared/etl/d.py", "d = 2\n"),
            ("dags/a.py", "a = 2\n"),
        ],
        removals: &[],
    },
    Change { name: "a new shared folder", writes: &[("shared/new/n.py", "n = 1\n")], removals: &[] },
    Change { name: "a move", writes: &[("dags/x/b.py", "b = 1\n")], removals: &["dags/b.py"] },
    Change {
        name: "a move between roots",
        writes: &[("plugins/operators/d.py", "d = 1\n")],
        removals: &["shared/etl/d.py"],
    },
    Change { name: "a folder of another name", writes: &[("shared/young/e.py", "e = 1\n")], removals: &["shared/old"] },
    Change { name: "a folder becomes a file", writes: &[("dags/x", "1\n")], removals: &["dags/x"] },
    Change { name: "a file becomes a folder", writes: &[("dags/file.sql/in.py", "1\n")], removals: &["dags/file.sql"] },
    Change { name: "a file becomes a link", writes: &[("dags/b.py", "-> a.py")], removals: &["dags/b.py"] },
    Change { name: "a new link", writes: &[("dags/l.py", "-> a.py")], removals: &[] },
    Change { name: "a deep path", writes: &[("dags/1/2/3.py", "1\n"), ("shared/etl/1/2.py", "2\n")], removals: &[] },
    Change {
        name: "two files change places",
        writes: &[("dags/a.py", "b = 1\n"), ("dags/b.py", "a = 1\n")],
        removals: &[],
    },
    Change { name: "all goes but one", writes: &[], removals: &["dags/b.py", "dags/x", "dags/file.sql", "shared/old"] },
];

/// A branch before and after one change, with homes of both.
struct Stage {
    branch: Scripted,
    first: String,
    second: String,
    before: BTreeMap<String, String>,
    after: BTreeMap<String, String>,
}

impl Stage {
    fn new(change: &Change, arguments: &[(&str, &str)]) -> Self {
        let branch = Scripted::with(FIRST);
        let first = branch.git(&["rev-parse", "HEAD"]);
        let base = branch.root().join("base");
        assert_eq!(run(&branch, &base, &["once"], arguments).code, 0);
        fs::write(base.join("plugins/listener.py"), "foreign").ok();
        branch.remove(change.removals);
        for (path, _) in change.writes {
            fs::remove_file(branch.work().join(path)).ok();
        }
        branch.write(change.writes);
        let second = branch.push(change.name);
        let whole = branch.root().join("whole");
        copy(&base, &whole);
        let output = run(&branch, &whole, &["once"], arguments);
        assert_eq!(output.code, 0, "{}: {}", change.name, output.stderr);
        let (before, after) = (tree(&base), tree(&whole));
        assert_ne!(before, after, "{}", change.name);
        Self { branch, first, second, before, after }
    }

    /// How often any one thread makes each of the calls in a pass that nothing befalls.
    fn calls(&self, arguments: &[(&str, &str)]) -> BTreeMap<String, usize> {
        let (log, all) = (self.branch.root().join("calls"), format!("trace={}", CALLS.join(",")));
        let (_, output) = self.trace(&log, &all, arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut counts = BTreeMap::<(String, String), usize>::new();
        for line in fs::read_to_string(&log).unwrap().lines() {
            let (thread, rest) = line.split_once(' ').unwrap();
            // Not where a call goes on, a signal comes or the thread ends.
            if let Some((call, _)) = rest.trim_start().split_once('(').filter(|(call, _)| CALLS.contains(call)) {
                *counts.entry((thread.to_string(), call.to_string())).or_default() += 1;
            }
        }
        let mut most = BTreeMap::<String, usize>::new();
        for ((_, call), count) in counts {
            let most = most.entry(call).or_default();
            *most = count.max(*most);
        }
        most
    }

    /// One pass in a fresh copy of the home, with what strace is told about one call.
    fn inject(&self, injection: &str, arguments: &[(&str, &str)]) -> (PathBuf, Output) {
        self.trace(Path::new("/dev/null"), injection, arguments)
    }

    /// One pass in a fresh copy of the home under strace.
    fn trace(&self, log: &Path, what: &str, arguments: &[(&str, &str)]) -> (PathBuf, Output) {
        let home = self.branch.root().join("struck");
        fs::remove_dir_all(&home).ok();
        copy(&self.branch.root().join("base"), &home);
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-e", what, "-o"]).arg(log);
        command.arg(env!("CARGO_BIN_EXE_dagguard")).args(["sync", "--once"]).current_dir(self.branch.root());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.branch.root());
        command.envs(variables(&self.branch, &home)).envs(arguments.iter().copied());
        let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| {
            panic!("strace is needed ({error}): .ci/setup installs it");
        });
        (home, output)
    }

    /// What must hold whatever was struck: files are whole, those of others untouched, and a
    /// restart without the network leaves one of the two revisions.
    fn check(&self, home: &Path, place: &str, arguments: &[(&str, &str)]) -> bool {
        for (path, text) in tree(home) {
            let whole = [&self.before, &self.after].iter().any(|tree| tree.get(&path) == Some(&text));
            assert!(whole, "{place}: {path} is {text:?}");
        }
        let away = self.branch.root().join("nowhere").to_string_lossy().into_owned();
        let away: Vec<(&str, &str)> =
            arguments.iter().copied().chain([("CONTENT_SYNCER_GIT_REPO_SOURCE", away.as_str())]).collect();
        let restarted = run(&self.branch, home, &["sync", "--once"], &away);
        assert!(restarted.stderr.contains("no repository there"), "{place}: {}", restarted.stderr);
        let found = tree(home);
        let is_new = found == self.after;
        assert!(is_new || found == self.before, "{place}: {found:?}");
        assert_eq!(recorded(home), if is_new { self.second.as_str() } else { self.first.as_str() }, "{place}");
        is_new
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

/// Strikes every call of a delivery, or a sample; returns how many points there were, and how many
/// of them ended with the new revision.
fn sweep(changes: &[Change], errors: &[&str], every: usize, arguments: &[(&str, &str)]) -> (usize, usize) {
    let (mut points, mut finished) = (0, 0);
    for (number, change) in changes.iter().enumerate() {
        let stage = Stage::new(change, arguments);
        let calls = stage.calls(arguments);
        for (turn, call) in CALLS.iter().enumerate() {
            // An error of the log, or of a wake-up between threads, is none of the disk.
            let errors = errors.iter().filter(|error| **error == "KILL" || *call != "write");
            for (other, error) in errors.enumerate() {
                let mut at = 1 + (number + turn + other) % every;
                loop {
                    let what = if *error == "KILL" { "signal=KILL".to_string() } else { format!("error={error}") };
                    let place = format!("{}: {call} number {at}, {what}", change.name);
                    let (home, output) = stage.inject(&format!("inject={call}:{what}:when={at}"), arguments);
                    let log = String::from_utf8_lossy(&output.stderr).into_owned();
                    // The process, or the git that it asked for the branch: then the pass says so.
                    let failed = !output.status.success() || log.contains("pass failed");
                    let struck = if *error == "KILL" { failed } else { log.contains("os error") };
                    if struck {
                        points += 1;
                        finished += usize::from(stage.check(&home, &place, arguments));
                    } else {
                        // The call may be one of those whose failure harms nobody.
                        assert!(output.status.success(), "{place}: {log}");
                        assert_eq!(tree(&home), stage.after, "{place}");
                    }
                    at += every;
                    // Threads count for themselves, and may share the work in another way each time.
                    let last = calls.get(*call).map_or(0, |most| most + 3);
                    if (!struck && (*error == "KILL" || at > last)) || at > 400 {
                        break;
                    }
                }
            }
        }
    }
    (points, finished)
}

#[test]
fn the_program_killed_at_a_sample_of_its_system_calls_leaves_one_revision() {
    let (points, finished) = sweep(&CHANGES[..1], &["KILL"], 7, &[]);
    println!("{points} kills, {finished} of them behind the commit point");
    assert!(points >= 6 && finished > 0 && finished < points, "{points} {finished}");
}

#[test]
#[ignore = "takes minutes: every system call of every delivery"]
fn the_program_killed_at_every_system_call_leaves_one_revision() {
    let (points, finished) = sweep(&CHANGES, &["KILL"], 1, &[]);
    println!("{points} kills, {finished} of them behind the commit point");
    assert!(points > 500, "{points}");
}

#[test]
#[ignore = "takes minutes: every system call of every delivery"]
fn the_program_with_trees_killed_at_every_system_call_leaves_one_revision() {
    let (points, finished) = sweep(&CHANGES, &["KILL"], 1, &[("DAGGUARD_MODE", "symlink")]);
    println!("{points} kills, {finished} of them behind the commit point");
    assert!(points > 500, "{points}");
}

#[test]
#[ignore = "takes half an hour: every error at every system call of every delivery"]
fn the_program_given_errors_at_every_system_call_leaves_one_revision() {
    let (points, finished) = sweep(&CHANGES, &["ENOSPC", "EIO", "EACCES", "EROFS"], 1, &[]);
    println!("{points} errors, {finished} of them healed to the new revision");
    assert!(points > 500, "{points}");
}
