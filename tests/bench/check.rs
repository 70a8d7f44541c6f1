//! What `check` of one changed file costs among 1,000 DAG files with 200 runs in flight: the program
//! as a process of its own, against `git --version` as one and parsing what the change reaches.
//!
//! Each change is one that no check has seen: what is kept is that of the deployed commit, and whatever
//! the checks of the other changes have added.

use super::{corpus, memory, parse_alone, repeated};
use dagguard::cli::{Process, run};
use dagguard::config::Environment;
use dagguard::content::{ContentPath, Layout, Revision, Snapshot};
use serde_json::json;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// The argument by which this program knows that it is to be the checker.
pub(crate) const CHILD: &str = "--check";

/// DAG files of the tree.
const FILES: usize = 1_000;
/// Runs in flight, of as many DAGs.
const RUNS: usize = 200;
/// Changes of the same file, each another one.
const CHANGES: usize = 20;

/// Whether a check finds what an earlier one has kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Of the deployed commit.
    Deployed,
    /// Nothing is kept.
    Nothing,
}

/// A repository of a deployed commit and several that are proposed, with runs in flight.
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
    /// The tree, and the same with a text of one file replaced wherever it stands, a number behind it;
    /// `reaches` tells the files that this makes other ones.
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
        git(&["tag", "deployed"])?;
        let proposed = |number: usize| text.replace(from, &to.replace('#', &number.to_string()));
        for number in 0..CHANGES {
            std::fs::write(&changed, proposed(number)).ok()?;
            git(&["commit", "-q", "-a", "-m", "proposed"])?;
            git(&["tag", &format!("proposed-{number}")])?;
            git(&["checkout", "-q", "deployed"])?;
        }
        // As a clone has it.
        git(&["gc", "-q"])?;
        std::fs::write(home.path().join("runs.json"), runs(&tree)).ok()?;
        let changed = ContentPath::new(path).ok()?;
        let reached = [false, true].map(|is_proposed| {
            let mut side = Snapshot::empty(Revision::new("side"));
            for (path, file) in tree.snapshot.files().filter(|(path, _)| reaches(path.as_str())) {
                let mut file = file.clone();
                if is_proposed && *path == changed {
                    file.bytes = proposed(0).into_bytes().into();
                }
                side.insert(path.clone(), file);
            }
            side
        });
        Some(Self { home, reached })
    }

    /// The three by turns: processor time each, of the turn whose ratio is in the middle.
    pub(crate) fn cost(&self, kept: Kept, turns: usize) -> Option<Cost> {
        let changes = if kept == Kept::Deployed { CHANGES } else { 3 };
        let (cache, of_deployed) = (self.home.path().join(".git/dagguard"), self.home.path().join(".git/of-deployed"));
        std::fs::remove_dir_all(&cache).ok();
        self.process(&checker(), &arguments("deployed", Kept::Deployed))?;
        std::fs::remove_dir_all(&of_deployed).ok();
        std::fs::rename(&cache, &of_deployed).ok()?;
        let restore = || {
            std::fs::remove_dir_all(&cache).ok();
            std::fs::create_dir(&cache).ok()?;
            for entry in std::fs::read_dir(&of_deployed).ok()?.flatten() {
                std::fs::copy(entry.path(), cache.join(entry.file_name())).ok()?;
            }
            Some(())
        };
        let check = |number: usize| self.process(&checker(), &arguments(&format!("proposed-{number}"), kept));
        let git = || self.process(Path::new("git"), &["--version"]);
        let parse = || self.reached.iter().for_each(parse_alone);
        // All runs once for what is read from disk the first time.
        check(0)?;
        git()?;
        let mut costs = Vec::new();
        for _ in 0..turns {
            restore()?;
            let check = of_children(|| (0..changes).try_for_each(check))? / u32::try_from(changes).ok()?;
            let git = of_children(|| (0..50).try_for_each(|_| git()))? / 50;
            let once = Instant::now();
            parse();
            let times = u32::try_from(Duration::from_millis(100).as_nanos() / once.elapsed().as_nanos().max(1)).ok()?;
            costs.push(Cost { check, git, parse: repeated(times.max(1), &parse) });
        }
        costs.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
        Some(costs.swap_remove(turns / 2))
    }

    fn process<A: AsRef<OsStr>>(&self, program: &Path, arguments: &[A]) -> Option<()> {
        let mut process = Command::new(program);
        process.current_dir(&self.home).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        // A check that finds something ends with 1.
        process.status().ok()?.code().filter(|code| *code <= 1).map(|_| ())
    }

    /// The findings of a check, so that a quick answer is no empty one.
    pub(crate) fn findings(&self) -> Option<usize> {
        let json = ["--output-format", "json"];
        let checked = |kept| {
            let mut process = Command::new(checker());
            process.current_dir(&self.home).args(arguments("proposed-0", kept)).args(json);
            process.output().ok().map(|output| output.stdout)
        };
        let all = [Kept::Nothing, Kept::Deployed, Kept::Deployed].map(checked);
        assert!(all.iter().all(|report| *report == all[0]), "what is kept changes the report");
        let report: serde_json::Value = serde_json::from_slice(all[0].as_ref()?).ok()?;
        Some(report["findings"].as_array()?.len())
    }

    /// The most memory that a check takes that finds nothing kept, and keeps all, in KiB.
    pub(crate) fn peak(&self) -> Option<usize> {
        let program = std::env::current_exe().ok()?;
        std::fs::remove_dir_all(self.home.path().join(".git/dagguard")).ok();
        let output =
            Command::new(program).current_dir(&self.home).args([CHILD.as_ref(), self.home.path()]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.lines().last()?.trim().parse().ok()
    }
}

fn arguments(proposed: &str, kept: Kept) -> Vec<OsString> {
    let mut all = vec!["check", proposed, "--against", "deployed", "--runs", "runs.json"];
    all.extend(["--no-cache"].iter().filter(|_| kept == Kept::Nothing));
    all.into_iter().map(Into::into).collect()
}

fn checker() -> PathBuf {
    env!("CARGO_BIN_EXE_dagguard").into()
}

/// Runs a check in this process, and prints the peak of its memory.
pub(crate) fn child(directory: &str) -> ExitCode {
    let own = arguments("proposed-0", Kept::Deployed);
    let args = ["dagguard".into()].into_iter().chain(own).chain(["--output-file".into(), "/dev/null".into()]).collect();
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
