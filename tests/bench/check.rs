//! What `check` of one changed file costs among 1,000 DAG files with 200 runs in flight: the program
//! as a process of its own, against `git --version` as one and parsing what the change reaches.

use super::{corpus, memory, parse_alone, repeated};
use dagguard::cli::{Process, run};
use dagguard::config::Environment;
use dagguard::content::{ContentPath, Layout, Revision, Snapshot};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// The argument by which this program knows that it is to be the checker.
pub(crate) const CHILD: &str = "--check";

/// DAG files of the tree.
const FILES: usize = 1_000;
/// Runs in flight, of as many DAGs.
const RUNS: usize = 200;

/// A repository of two commits, with runs in flight.
pub(crate) struct Case {
    home: tempfile::TempDir,
    /// The files that are other ones for the change, as both sides have them.
    reached: [Snapshot; 2],
}

/// What a check cost.
pub(crate) struct Cost {
    pub(crate) check: Duration,
    pub(crate) git: Duration,
    pub(crate) parse: Duration,
}

impl Cost {
    pub(crate) fn ratio(&self) -> f64 {
        self.check.as_secs_f64() / (self.git + self.parse).as_secs_f64()
    }
}

impl Case {
    /// The tree, and the same with a text of one file replaced wherever it stands; `reaches` tells the
    /// files that this makes other ones.
    pub(crate) fn new(path: &str, [from, to]: [&str; 2], reaches: impl Fn(&str) -> bool) -> Option<Self> {
        let tree = corpus::generated(FILES);
        let home = tempfile::tempdir().ok()?;
        for (path, file) in tree.snapshot.files() {
            let at = home.path().join(path.as_str());
            std::fs::create_dir_all(at.parent()?).ok()?;
            std::fs::write(at, &file.bytes).ok()?;
        }
        let git = |arguments: &[&str]| {
            let mut git = Command::new("git");
            git.current_dir(&home).args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(arguments);
            git.env("GIT_CONFIG_GLOBAL", "/dev/null").stdout(Stdio::null()).stderr(Stdio::null());
            git.status().is_ok_and(|status| status.success()).then_some(())
        };
        git(&["init", "-q"])?;
        git(&["add", "-A"])?;
        git(&["commit", "-q", "-m", "deployed"])?;
        let changed = home.path().join(path);
        let text = std::fs::read_to_string(&changed).ok()?;
        assert!(text.contains(from), "{path} holds no {from}");
        std::fs::write(changed, text.replace(from, to)).ok()?;
        git(&["commit", "-q", "-a", "-m", "proposed"])?;
        // As a clone has it.
        git(&["gc", "-q"])?;
        std::fs::write(home.path().join("runs.json"), runs(&tree)).ok()?;
        let changed = ContentPath::new(path).ok()?;
        let reached = [false, true].map(|proposed| {
            let mut side = Snapshot::empty(Revision::new("side"));
            for (path, file) in tree.snapshot.files().filter(|(path, _)| reaches(path.as_str())) {
                let mut file = file.clone();
                if proposed && *path == changed {
                    file.bytes = text.replace(from, to).into_bytes().into();
                }
                side.insert(path.clone(), file);
            }
            side
        });
        Some(Self { home, reached })
    }

    /// The three by turns: processor time each, of the turn whose ratio is in the middle.
    pub(crate) fn cost(&self, turns: usize) -> Option<Cost> {
        let checker = checker();
        let check = || self.process(&checker, CHECK);
        let git = || self.process(Path::new("git"), &["--version"]);
        let parse = || self.reached.iter().for_each(parse_alone);
        // All runs once for what is read from disk the first time.
        check()?;
        git()?;
        let mut costs = Vec::new();
        for _ in 0..turns {
            let check = of_children(|| (0..5).try_for_each(|_| check()))? / 5;
            let git = of_children(|| (0..50).try_for_each(|_| git()))? / 50;
            let once = Instant::now();
            parse();
            let times = u32::try_from(Duration::from_millis(100).as_nanos() / once.elapsed().as_nanos().max(1)).ok()?;
            costs.push(Cost { check, git, parse: repeated(times.max(1), &parse)? });
        }
        costs.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
        Some(costs.swap_remove(turns / 2))
    }

    fn process(&self, program: &Path, arguments: &[&str]) -> Option<()> {
        let mut process = Command::new(program);
        process.current_dir(&self.home).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        // A check that finds something ends with 1.
        process.status().ok()?.code().filter(|code| *code <= 1).map(|_| ())
    }

    /// The findings of a check, so that a quick answer is no empty one.
    pub(crate) fn findings(&self) -> Option<usize> {
        let json = ["--output-format", "json"];
        let output = Command::new(checker()).current_dir(&self.home).args(CHECK).args(json).output().ok()?;
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        Some(report["findings"].as_array()?.len())
    }

    /// The most memory that a check takes, in KiB.
    pub(crate) fn peak(&self) -> Option<usize> {
        let program = std::env::current_exe().ok()?;
        let output =
            Command::new(program).current_dir(&self.home).args([CHILD.as_ref(), self.home.path()]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.lines().last()?.trim().parse().ok()
    }
}

const CHECK: &[&str] = &["check", "HEAD", "--against", "HEAD~1", "--runs", "runs.json"];

fn checker() -> PathBuf {
    env!("CARGO_BIN_EXE_dagguard").into()
}

/// Runs a check in this process, and prints the peak of its memory.
pub(crate) fn child(directory: &str) -> ExitCode {
    let args = ["dagguard"].iter().chain(CHECK).chain(&["--output-file", "/dev/null"]).map(Into::into).collect();
    run(Process { args, environment: Environment::new([]), directory: directory.into() });
    match memory::peak() {
        Some(kib) => {
            println!("{kib}");
            ExitCode::SUCCESS
        }
        None => ExitCode::FAILURE,
    }
}

/// A run in flight of each of the first DAGs, their task instances half-way.
fn runs(tree: &corpus::Tree) -> String {
    let model = dagguard::dag::build(&tree.snapshot, Layout::Content, tree.airflow);
    let states = [Some("success"), Some("running"), None];
    let runs: Vec<_> = model
        .dags
        .iter()
        .take(RUNS)
        .map(|dag| {
            let ids = dag.tasks.iter().filter_map(|task| task.task_id.exact());
            let instances: Vec<_> = ids
                .enumerate()
                .map(|(at, id)| json!({ "task_id": id.to_string(), "map_index": -1, "state": states[at * 3 / dag.tasks.len()] }))
                .collect();
            json!({ "dag_id": dag.dag_id.to_string(), "run_id": "scheduled__1", "state": "running", "task_instances": instances })
        })
        .collect();
    assert_eq!(runs.len(), RUNS);
    json!({ "schema_version": 1, "taken_at": "2026-01-01T00:00:00Z",
        "instances": [{ "name": "default", "airflow_version": "2.11.2", "runs": runs }] })
    .to_string()
}

/// Processor time of the processes that `work` starts and waits for, as Linux tells it.
fn of_children(work: impl Fn() -> Option<()>) -> Option<Duration> {
    let before = ended_children()?;
    work()?;
    Some(ended_children()?.saturating_sub(before).max(Duration::from_nanos(1)))
}

fn ended_children() -> Option<Duration> {
    const TICK: Duration = Duration::from_millis(10);
    let line = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut figures = line.rsplit_once(')')?.1.split_whitespace().skip(13);
    let (user, system): (u32, u32) = (figures.next()?.parse().ok()?, figures.next()?.parse().ok()?);
    Some(TICK * (user + system))
}
