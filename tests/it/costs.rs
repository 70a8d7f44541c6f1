//! What following a branch costs beside the git command line in the same run: counts, and ratios of
//! processor time with a margin so wide that only another order of growth is beyond it. `cargo bench --
//! source` measures the ratios themselves, on a release build.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test makes files, runs git, says what it measured and may panic"
)]

use crate::program::command;
use crate::remotes::Https;
use crate::repositories::Scripted;
use dagguard::git::{Remote, Source};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

/// Processor time of a program and of all that it starts, in seconds, as the shell tells it.
fn seconds(program: &Command) -> f64 {
    let mut shell = Command::new("sh");
    // The shell's own time comes first, then that of its children.
    shell.args(["-c", "\"$@\" >/dev/null 2>&1 || exit 9; times", "sh"]);
    shell.arg(program.get_program()).args(program.get_args()).env_clear();
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(program.get_current_dir().unwrap());
    let output = shell.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{program:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let time = |word: &str| {
        let (minutes, seconds) = word.trim_end_matches('s').split_once('m').unwrap();
        minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
    };
    text.lines().last().unwrap().split_whitespace().map(time).sum()
}

/// git, with nothing of the host's configuration.
fn git(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(dir).env("HOME", dir).env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("PATH", std::env::var_os("PATH").unwrap());
    command
}

/// The least of some times.
fn least(of: impl Fn() -> f64) -> f64 {
    (0..5).map(|_| of()).fold(f64::MAX, f64::min)
}

fn times(folder: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                found.insert(entry.path(), entry.metadata().unwrap().modified().unwrap());
            }
        }
    }
    found
}

#[test]
fn a_poll_over_https_asks_no_more_than_git_does() {
    let branch = Scripted::with(&[("dags/a.py", "a = 1\n")]);
    let https = Https::start(&branch, None);
    let url = https.url("", "content.git");
    let source = Source::parse(&url).unwrap();
    let remote = Remote::new(source, "main", &branch.root().join("store"), https.options()).unwrap();
    remote.fetch().unwrap();
    https.take_requests();
    remote.fetch().unwrap();
    let ours = https.take_requests().len();
    let authority = format!("http.sslCAInfo={}", branch.root().join("authority.pem").display());
    let listed = git(branch.root(), &["-c", &authority, "ls-remote", "-q", &url, "refs/heads/main"])
        .env_remove("GIT_SSL_CAINFO")
        .output()
        .unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let theirs = https.take_requests().len();
    assert!(0 < ours && ours <= theirs, "{ours} requests, git {theirs}");
}

#[test]
fn a_poll_and_a_delivery_of_ten_files_stay_in_proportion_to_gits_own() {
    /// A build without optimisation is that much slower, and a busy machine not that much more.
    const MARGIN: f64 = 40.0;
    let name = |number: usize| format!("dags/team_{}/flow_{number:04}.py", number % 20);
    let text = |number: usize, turn: usize| format!("x = {number}\nTURN = {turn}\n# {}\n", "text ".repeat(100));
    let branch = Scripted::new();
    let write = |numbers: std::ops::Range<usize>, turn: usize| {
        let files: Vec<_> = numbers.map(|number| (name(number), text(number, turn))).collect();
        branch.write(&files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>());
        branch.push("change");
    };
    write(0..1_500, 0);
    let text = |path: PathBuf| path.to_str().unwrap().to_string();
    let (home, store, url) = (branch.root().join("home"), text(branch.root().join("store")), text(branch.bare()));
    let (home_, bare) = (text(home.clone()), format!("file://{url}"));
    let variables = [
        ("AIRFLOW_HOME", home_.as_str()),
        ("CONTENT_SYNCER_GIT_REPO_SOURCE", bare.as_str()),
        ("CONTENT_SYNCER_GIT_REPO_FOLDER", store.as_str()),
    ];
    fs::create_dir_all(&home).unwrap();
    let pass = || seconds(&command(branch.root(), &["sync", "--once", "--no-live"], &variables));
    let first = pass();
    let clone = seconds(&git(branch.root(), &["clone", "-q", "--depth", "1", &bare, "clone"]));
    let (poll, list) = (least(pass), least(|| seconds(&git(branch.root(), &["ls-remote", "-q", &bare]))));
    let (mut ten, mut reset) = (f64::MAX, f64::MAX);
    for turn in 1..4 {
        write(turn * 100..turn * 100 + 10, turn);
        let before = times(&home.join("dags"));
        ten = ten.min(pass());
        let after = times(&home.join("dags"));
        assert_eq!(after.iter().filter(|(path, time)| before.get(*path) != Some(*time)).count(), 10);
        let clone = branch.root().join("clone");
        let fetch = seconds(&git(&clone, &["fetch", "-q", "--depth", "1"]));
        reset = reset.min(fetch + seconds(&git(&clone, &["reset", "-q", "--hard", "origin/main"])));
    }
    println!("first {first:.2} / {clone:.2} s, poll {poll:.3} / {list:.3} s, ten files {ten:.3} / {reset:.3} s");
    // Few ticks of the clock say nothing.
    for (what, ours, theirs) in [("first", first, clone), ("poll", poll, list), ("ten files", ten, reset)] {
        assert!(ours <= MARGIN * theirs.max(0.03), "{what}: {ours} s, git {theirs} s");
    }
}
