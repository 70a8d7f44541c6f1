//! One Airflow on which the runs of many scenarios stand at their gates at once.

use super::scenario::{Scenario, below};
use crate::support::install::{Release, drivers, install, output, root};
use crate::support::postgres::Postgres;
use crate::support::rest::ADMIN;
use crate::support::server::{Server, free_port, make_database};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// For whatever the server does at once; the machine may be busy.
const LIMIT: Duration = Duration::from_mins(5);
/// How many task instances may run at once.
const SLOTS: usize = 60;
/// States in which an instance rests.
pub(super) const ENDED: [&str; 5] = ["success", "failed", "skipped", "upstream_failed", "removed"];

/// The module that the DAGs import.
const LIBRARY: &str = include_str!("oraclelib.py");

/// What became of one scenario.
#[derive(Debug, Default)]
pub(crate) struct Played {
    /// What kept its run from the state where the change comes.
    pub(crate) not_reached: Option<String>,
    /// The exit code of `dagguard check`, and what it said.
    pub(crate) exit: Option<i32>,
    pub(crate) report: Value,
    /// What it says on stderr.
    pub(crate) said: String,
    /// By DAG.
    pub(crate) run_states: BTreeMap<String, String>,
    /// Instances that have ended, as the rows call them.
    pub(crate) instances: BTreeMap<String, String>,
    /// What the tasks left behind: label and value.
    pub(crate) records: Vec<(String, Value)>,
}

impl Played {
    /// The findings of the report, a line each.
    pub(crate) fn findings(&self) -> String {
        let findings = self.report["findings"].as_array().into_iter().flatten();
        let lines = findings.map(|finding| format!("{} {}: {}", finding["level"], finding["rule"], finding["message"]));
        let lines: Vec<String> = lines.collect();
        format!("{} {}", lines.join("; "), self.said)
    }

    /// What the report foretells of the run of that DAG.
    pub(crate) fn foretold(&self, dag_id: &str) -> BTreeSet<String> {
        self.said_of(dag_id, "outcome")
    }

    /// What may become of it as well.
    pub(crate) fn foretold_of_a_race(&self, dag_id: &str) -> BTreeSet<String> {
        self.said_of(dag_id, "race")
    }

    fn said_of(&self, dag_id: &str, list: &str) -> BTreeSet<String> {
        let predictions = self.report["predictions"].as_array().into_iter().flatten();
        let mine = predictions.filter(|prediction| prediction["dag_id"] == dag_id);
        mine.flat_map(|prediction| prediction[list].as_array().into_iter().flatten())
            .filter_map(|outcome| outcome.as_str().map(str::to_string))
            .collect()
    }
}

/// States of instances by run, DAG, task and index.
type States = BTreeMap<(String, String, String, i64), String>;

pub(crate) struct Stage {
    pub(crate) server: Server,
    database: Postgres,
    /// The git bundle's repository, on Airflow 3.
    repository: PathBuf,
}

impl Stage {
    /// A server of that release for scenarios.
    pub(crate) fn start(release: &'static Release, home: &str) -> Self {
        let venv = install(release).unwrap_or_else(|why| panic!("{}", why.0));
        let drivers = drivers(release).unwrap_or_else(|why| panic!("{}", why.0));
        let database = Postgres::start().unwrap_or_else(|why| panic!("{}", why.0));
        let home = root().join(format!("{home}-{}-{}", release.name(), std::process::id()));
        let repository = home.join("repository");
        fs::create_dir_all(&repository).expect("a writable target directory");
        for folder in ["gate", "out", "library"] {
            fs::create_dir_all(home.join(folder)).expect("a writable target directory");
        }
        fs::write(home.join("library/oraclelib.py"), LIBRARY).expect("a writable target directory");
        git(&repository, &["init", "-q", "-b", "main"]);
        git(&repository, &["commit", "-q", "--allow-empty", "-m", "begin"]);
        let settings = settings(release, &home, &drivers, &database);
        let started = Server::start_with(&venv, &home, &settings, |home, env| make_database(&venv, home, env));
        let mut server = started.unwrap_or_else(|error| panic!("{error}"));
        server.spawn("triggerer").unwrap_or_else(|error| panic!("{error}"));
        let stage = Self { server, database, repository };
        // Processes that live long load their plugins now, before there are any.
        stage.server.write_dag("ready.py", READY);
        stage.wait("the first DAG", || stage.dags().get("ready").is_some_and(|dag| dag.active).then_some(()));
        stage
    }

    fn home(&self) -> &Path {
        self.server.home()
    }

    /// Brings the runs of all these scenarios to their gates, asks `dagguard check` about each, and, if
    /// `deliver`, delivers the changes and lets the runs go on to where they come to rest.
    pub(crate) fn play(&mut self, scenarios: &[Scenario], deliver: bool) -> BTreeMap<String, Played> {
        let begin = Instant::now();
        let tell = |what: &str| eprintln!("{:6.1} s: {what}", begin.elapsed().as_secs_f64());
        let mut live: BTreeMap<&str, BTreeSet<PathBuf>> = BTreeMap::new();
        for scenario in scenarios {
            let first = scenario.folder.join("first");
            let side = if first.is_dir() { first } else { scenario.folder.join("before") };
            live.insert(&scenario.name, self.deploy(scenario, &side));
        }
        self.commit();
        let wanted: Vec<&str> = scenarios.iter().flat_map(Scenario::dags).collect();
        self.wait(&format!("{wanted:?} to be loaded"), || {
            let dags = self.dags();
            wanted.iter().all(|dag_id| dags.get(*dag_id).is_some_and(|dag| dag.active)).then_some(())
        });
        tell("loaded");
        for scenario in scenarios {
            for dag_id in scenario.triggered() {
                self.trigger(scenario, dag_id);
            }
        }
        tell("triggered");
        self.second_step(scenarios, &mut live);
        let mut played = self.gates(scenarios);
        tell(&format!("at their gates, {} MiB", self.server.memory()));
        for scenario in scenarios {
            let played = played.get_mut(&scenario.name).expect("one of each");
            (played.exit, played.report, played.said) = self.check(scenario);
        }
        tell("judged");
        if deliver {
            self.deliver(scenarios, &mut live);
            tell("delivered");
            if scenarios.iter().any(Scenario::restarts_triggerer) {
                self.restart_triggerer();
            }
            for scenario in scenarios {
                self.open(scenario);
            }
            self.rest(scenarios);
            tell("at rest");
            self.look(scenarios, &mut played);
        }
        self.clean(scenarios, &live);
        played
    }

    /// Lays a tree down in the order of the syncer; its files.
    fn deploy(&self, scenario: &Scenario, side: &Path) -> BTreeSet<PathBuf> {
        let home = self.home();
        let dags = if scenario.pinned { self.repository.clone() } else { home.join("dags") };
        let plugins = home.join("plugins");
        let mut files = BTreeSet::new();
        for (from, to) in [
            ("plugins/operators", plugins.join("operators")),
            ("plugins/sensors", plugins.join("sensors")),
            ("shared", plugins.clone()),
            ("dags", dags),
        ] {
            for file in below(&side.join(from)) {
                let name = file.strip_prefix(side.join(from)).expect("below it");
                let target = to.join(name);
                fs::create_dir_all(target.parent().expect("a folder")).expect("a writable home");
                let part = home.join("part");
                fs::copy(&file, &part).expect("a writable home");
                // Airflow reads first what was written last.
                fs::File::open(&part).and_then(|file| file.set_modified(SystemTime::now())).expect("a writable home");
                fs::rename(&part, &target).expect("a writable home");
                files.insert(target);
            }
        }
        files
    }

    fn commit(&self) {
        git(&self.repository, &["add", "-A"]);
        git(&self.repository, &["commit", "-q", "--allow-empty", "-m", "content"]);
    }

    /// What Airflow knows of each DAG.
    fn dags(&self) -> BTreeMap<String, Known> {
        let (active, file) = match self.server.venv.release.major() {
            2 => ("d.is_active", "d.fileloc"),
            _ => ("not d.is_stale", "d.relative_fileloc"),
        };
        let rows = self.database.ask(&format!(
            "select json_agg(json_build_array(d.dag_id, extract(epoch from d.last_parsed_time), {active} and exists
             (select 1 from serialized_dag s where s.dag_id = d.dag_id), {file})) from dag d"
        ));
        let rows = rows.as_array().into_iter().flatten();
        rows.filter_map(|row| {
            let read = row[1].as_f64().unwrap_or_default();
            let file = row[3].as_str().unwrap_or_default().into();
            Some((row[0].as_str()?.to_string(), Known { read, active: row[2] == true, file }))
        })
        .collect()
    }

    /// The end of a file's path, and when it failed to import, in seconds.
    fn import_errors(&self) -> Vec<(String, f64)> {
        let rows = self
            .database
            .ask("select json_agg(json_build_array(filename, extract(epoch from timestamp))) from import_error");
        let rows = rows.as_array().into_iter().flatten();
        rows.filter_map(|row| Some((row[0].as_str()?.trim_start_matches('/').to_string(), row[1].as_f64()?))).collect()
    }

    fn trigger(&self, scenario: &Scenario, dag_id: &str) {
        let body = json!({ "dag_run_id": scenario.run_id(), "logical_date": scenario.logical_date(),
            "conf": scenario.conf() });
        self.wait(&format!("a run of {dag_id}"), || {
            match self.server.rest.post(&format!("/dags/{dag_id}/dagRuns"), &body) {
                Ok(_) => Some(()),
                // It was made, and the answer was lost.
                Err(error) if error.contains("409") => {
                    self.server.rest.get(&format!("/dags/{dag_id}/dagRuns/{}", scenario.run_id())).ok().map(|_| ())
                }
                Err(_) => None,
            }
        });
    }

    fn states(&self, scenarios: &[Scenario]) -> States {
        let rows = self.database.ask(&format!(
            "select json_agg(json_build_array(run_id, dag_id, task_id, map_index, coalesce(state, 'none')))
             from task_instance where run_id in ({})",
            runs(scenarios)
        ));
        let rows = rows.as_array().into_iter().flatten();
        rows.filter_map(|row| {
            let text = |at: usize| row[at].as_str().map(str::to_string);
            Some(((text(0)?, text(1)?, text(2)?, row[3].as_i64()?), text(4)?))
        })
        .collect()
    }

    fn run_states(&self, scenarios: &[Scenario]) -> BTreeMap<(String, String), String> {
        let rows = self.database.ask(&format!(
            "select json_agg(json_build_array(run_id, dag_id, state)) from dag_run where run_id in ({})",
            runs(scenarios)
        ));
        let rows = rows.as_array().into_iter().flatten();
        rows.filter_map(|row| {
            let text = |at: usize| row[at].as_str().map(str::to_string);
            Some(((text(0)?, text(1)?), text(2)?))
        })
        .collect()
    }

    /// Scenarios that were started on `first`: `before` is delivered at the gate.
    fn second_step<'a>(&self, scenarios: &'a [Scenario], live: &mut BTreeMap<&'a str, BTreeSet<PathBuf>>) {
        let stepped: Vec<&Scenario> =
            scenarios.iter().filter(|scenario| scenario.folder.join("first").is_dir()).collect();
        if stepped.is_empty() {
            return;
        }
        self.wait("the first step", || stepped.iter().all(|scenario| self.is_reached(scenario)).then_some(()));
        let begin = now();
        for scenario in &stepped {
            self.replace(scenario, "before", live);
        }
        self.commit();
        self.wait("the second step to be read", || {
            let dags = self.dags();
            let mut ids = stepped.iter().flat_map(|scenario| scenario.dags());
            ids.all(|dag_id| dags.get(dag_id).is_some_and(|dag| dag.read > begin)).then_some(())
        });
    }

    fn is_reached(&self, scenario: &Scenario) -> bool {
        !scenario.has_gate() || self.home().join("gate").join(format!("{}.reached", scenario.run_id())).exists()
    }

    /// Waits until each run is in the state that was recorded when the change came, or says how not.
    fn gates(&self, scenarios: &[Scenario]) -> BTreeMap<String, Played> {
        let end = Instant::now() + LIMIT;
        let mut last = (BTreeMap::new(), Instant::now());
        loop {
            let states = self.states(scenarios);
            let differ: BTreeMap<String, String> = scenarios
                .iter()
                .filter_map(|scenario| Some((scenario.name.clone(), self.not_at_gate(scenario, &states)?)))
                .collect();
            if last.0 != states {
                last = (states, Instant::now());
            }
            // What does not move any more does not come; what is on its way moves as fast as the machine lets it.
            let mut missing = scenarios.iter().filter(|scenario| differ.contains_key(&scenario.name));
            let rests = last.1.elapsed() > Duration::from_mins(1) && !missing.any(|missing| is_busy(missing, &last.0));
            if differ.is_empty() || rests || Instant::now() > end {
                if !differ.is_empty() {
                    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
                    let memory: Vec<&str> = memory.lines().take(3).collect();
                    eprintln!("not at their gates: {differ:?}\n{memory:?}\n{}", self.server.last_words());
                }
                let of = |scenario: &Scenario| {
                    let not_reached = differ.get(&scenario.name).cloned();
                    (scenario.name.clone(), Played { not_reached, ..Played::default() })
                };
                return scenarios.iter().map(of).collect();
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    fn not_at_gate(&self, scenario: &Scenario, states: &States) -> Option<String> {
        let run_id = scenario.run_id();
        let mine = states.iter().filter(|((run, ..), _)| *run == run_id);
        let mine = mine.map(|((_, dag, task, index), state)| (scenario.key(dag, task, *index), state.as_str()));
        if !self.is_reached(scenario) {
            return Some(format!("its gate is not reached: {:?}", mine.collect::<BTreeMap<_, _>>()));
        }
        let now: BTreeMap<String, &str> = mine.map(|(key, state)| (key, standing(state))).collect();
        let recorded = scenario.at_gate();
        let then: BTreeMap<String, &str> = recorded.iter().map(|(key, state)| (key.clone(), standing(state))).collect();
        // Nobody has recorded that one; it stands still when nothing is on its way.
        if then.is_empty() {
            let moving = now.values().any(|state| *state == "on its way");
            return moving.then(|| format!("{now:?}"));
        }
        (now != then).then(|| format!("{now:?}, recorded {then:?}"))
    }

    /// The built program reads the server itself.
    fn check(&self, scenario: &Scenario) -> (Option<i32>, Value, String) {
        let empty = tempfile::tempdir().expect("a temporary folder");
        let side = |name: &str| {
            let side = scenario.folder.join(name);
            // A deleted file leaves no folder behind.
            if side.is_dir() { side } else { empty.path().to_path_buf() }
        };
        let output = Command::new(env!("CARGO_BIN_EXE_dagguard"))
            .arg("check")
            .arg(side("after"))
            .arg("--against")
            .arg(side("before"))
            .args(["--target-python", "3.11", "--output-format", "json"])
            .env("DAGGUARD_AIRFLOW_URL", self.server.url())
            .env("DAGGUARD_AIRFLOW_USERNAME", ADMIN)
            .env("DAGGUARD_AIRFLOW_PASSWORD", ADMIN)
            .output()
            .expect("the program was built for this test");
        let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), report, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn replace<'a>(&self, scenario: &'a Scenario, side: &str, live: &mut BTreeMap<&'a str, BTreeSet<PathBuf>>) {
        let files = self.deploy(scenario, &scenario.folder.join(side));
        let before = live.insert(&scenario.name, files.clone()).unwrap_or_default();
        for gone in before.difference(&files) {
            let _ = fs::remove_file(gone);
        }
    }

    /// Delivers all changes, and waits until Airflow has read them.
    fn deliver<'a>(&self, scenarios: &'a [Scenario], live: &mut BTreeMap<&'a str, BTreeSet<PathBuf>>) {
        let begin = now();
        for scenario in scenarios {
            self.replace(scenario, "after", live);
        }
        self.commit();
        let unread = |dags: &BTreeMap<String, Known>, errors: &[(String, f64)], scenario: &Scenario| {
            let files = &live[scenario.name.as_str()];
            let failed = errors.iter().any(|(end, at)| {
                *at > begin && files.iter().any(|file| file.to_string_lossy().ends_with(end.as_str()))
            });
            let after = scenario.dags_after();
            // A new version of a bundle does not make a file anew that it leaves as it is.
            let is_read = |dag_id: &&str| {
                let is_left = |dag: &Known| scenario.pinned && scenario.leaves(&dag.file);
                dags.get(*dag_id).is_some_and(|dag| dag.active && (dag.read > begin || is_left(dag)))
            };
            let is_gone = |dag_id: &&str| dags.get(*dag_id).is_none_or(|dag| !dag.active);
            let gone: Vec<&str> = scenario.dags().into_iter().filter(|dag_id| !after.contains(dag_id)).collect();
            !(failed || after.iter().all(is_read) && gone.iter().all(is_gone))
        };
        let mut open = Vec::new();
        let end = Instant::now() + LIMIT;
        while Instant::now() < end {
            let (dags, errors) = (self.dags(), self.import_errors());
            open = scenarios.iter().filter(|scenario| unread(&dags, &errors, scenario)).collect();
            if open.is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        let open: Vec<&str> = open.iter().map(|scenario| scenario.name.as_str()).collect();
        assert!(open.is_empty(), "not read: {open:?}; {:?}\n{}", self.import_errors(), self.server.last_words());
        // The scheduler takes the stored DAGs anew after a second, and 2.x looks at what is stored every few.
        std::thread::sleep(Duration::from_secs(5));
    }

    fn restart_triggerer(&mut self) {
        self.server.kill("triggerer");
        self.server.spawn("triggerer").unwrap_or_else(|error| panic!("{error}"));
        std::thread::sleep(Duration::from_secs(12));
    }

    fn open(&self, scenario: &Scenario) {
        let gate = self.home().join("gate").join(format!("{}.open", scenario.run_id()));
        fs::write(gate, "").expect("a writable home");
    }

    /// Waits until every run has ended that ended when it was recorded, and the others move no more.
    fn rest(&self, scenarios: &[Scenario]) {
        let end = Instant::now() + LIMIT;
        let mut last = (BTreeMap::new(), Instant::now());
        loop {
            let (runs, states) = (self.run_states(scenarios), self.states(scenarios));
            let open = |scenario: &&Scenario| {
                let recorded = scenario.run_states();
                scenario.triggered().iter().any(|dag_id| {
                    let state = runs.get(&(scenario.run_id(), (*dag_id).to_string())).map(String::as_str);
                    let stuck = recorded.get(*dag_id).is_some_and(|state| !is_end(state));
                    !stuck && !state.is_some_and(is_end)
                })
            };
            let open: Vec<&str> = scenarios.iter().filter(open).map(|scenario| scenario.name.as_str()).collect();
            let ended: States = states.into_iter().filter(|(_, state)| ENDED.contains(&state.as_str())).collect();
            if last.0 != ended {
                last = (ended, Instant::now());
            }
            let rests = last.1.elapsed() > Duration::from_secs(if open.is_empty() { 15 } else { 60 });
            let stuck = scenarios.iter().any(|scenario| scenario.run_states().values().any(|state| !is_end(state)));
            if rests || open.is_empty() && !stuck || Instant::now() > end {
                return;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    fn look(&self, scenarios: &[Scenario], played: &mut BTreeMap<String, Played>) {
        let (runs, states) = (self.run_states(scenarios), self.states(scenarios));
        for scenario in scenarios {
            let played = played.get_mut(&scenario.name).expect("one of each");
            let run_id = scenario.run_id();
            let of_run = runs.iter().filter(|((run, _), _)| *run == run_id);
            played.run_states = of_run.map(|((_, dag_id), state)| (dag_id.clone(), state.clone())).collect();
            let mine = states.iter().filter(|((run, ..), _)| *run == run_id);
            played.instances =
                mine.map(|((_, dag, task, index), state)| (scenario.key(dag, task, *index), state.clone())).collect();
            let out = fs::read_to_string(self.home().join("out").join(format!("{run_id}.jsonl"))).unwrap_or_default();
            let records = out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            played.records = records
                .filter_map(|record| Some((record["label"].as_str()?.to_string(), record["value"].clone())))
                .collect();
        }
    }

    /// No run goes on, and no file stays.
    fn clean(&self, scenarios: &[Scenario], live: &BTreeMap<&str, BTreeSet<PathBuf>>) {
        for scenario in scenarios {
            self.open(scenario);
        }
        self.database.ask("update dag_run set state = 'failed' where state in ('running', 'queued')");
        self.database.ask(
            "update task_instance set state = 'failed' where state is not null
             and state not in ('success', 'failed', 'skipped', 'upstream_failed', 'removed')",
        );
        for file in live.values().flatten() {
            let _ = fs::remove_file(file);
        }
        self.commit();
    }

    fn wait<T>(&self, what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(answer) = answer() {
                return answer;
            }
            let late = Instant::now() > end;
            assert!(
                !late,
                "waited for {what}; import errors: {:?}\n{}",
                self.import_errors(),
                self.server.last_words()
            );
            std::thread::sleep(Duration::from_millis(700));
        }
    }

    /// Ends the server and takes its home away.
    pub(crate) fn end(self) {
        let home = self.home().to_path_buf();
        eprintln!("{} MiB at the end", self.server.memory());
        drop(self.server);
        drop(self.database);
        let _ = fs::remove_dir_all(home);
    }
}

/// A DAG without a run, by which the server shows that it reads.
const READY: &str = "from datetime import datetime
from airflow import DAG

with DAG(\"ready\", schedule=None, start_date=datetime(2025, 1, 1)):
    pass
";

/// What counts of a state when a run is compared with itself at another time: one that goes and
/// comes again is somewhere on its way.
fn standing(state: &str) -> &str {
    match state {
        "up_for_reschedule" | "queued" | "restarting" => "on its way",
        other => other,
    }
}

/// Whether a process is at work, or waits for one, for a run of that scenario.
fn is_busy(scenario: &Scenario, states: &States) -> bool {
    let run_id = scenario.run_id();
    let mut mine = states.iter().filter(|((run, ..), _)| *run == run_id);
    mine.any(|(_, state)| matches!(state.as_str(), "scheduled" | "queued" | "running"))
}

fn is_end(state: &str) -> bool {
    matches!(state, "success" | "failed")
}

fn runs(scenarios: &[Scenario]) -> String {
    let quoted: Vec<String> = scenarios.iter().map(|scenario| format!("'{}'", scenario.run_id())).collect();
    quoted.join(", ")
}

/// What Airflow's database says of a DAG.
struct Known {
    /// When it was read last, in seconds.
    read: f64,
    /// Whether it is there.
    active: bool,
    /// Where it was read from: on Airflow 3 below the root of its bundle.
    file: PathBuf,
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs_f64()
}

fn git(repository: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.arg("-C").arg(repository).args(["-c", "user.name=test", "-c", "user.email=test@example.org"]);
    output(command.args(arguments), "git").unwrap_or_else(|why| panic!("{}", why.0));
}

/// The settings in which this server differs from the others: PostgreSQL, many tasks at once, the module
/// that the DAGs import, and on Airflow 3 a versioned bundle beside the folder.
fn settings(release: &Release, home: &Path, drivers: &Path, database: &Postgres) -> BTreeMap<String, String> {
    let path = |part: &str| home.join(part).to_string_lossy().into_owned();
    let search = std::env::join_paths([home.join("library").as_path(), drivers]).expect("paths without colons");
    let mut settings = vec![
        ("ORACLE_DIR", home.to_string_lossy().into_owned()),
        ("PYTHONPATH", search.to_string_lossy().into_owned()),
        ("PYTHONDONTWRITEBYTECODE", "1".to_string()),
        ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", database.url("psycopg2")),
        ("AIRFLOW__CORE__EXECUTOR", "LocalExecutor".to_string()),
        ("AIRFLOW__CORE__PARALLELISM", SLOTS.to_string()),
        ("AIRFLOW__CORE__DEFAULT_POOL_TASK_SLOT_COUNT", "1000".to_string()),
        ("AIRFLOW__CORE__DAG_DISCOVERY_SAFE_MODE", "False".to_string()),
        ("AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD", "3600".to_string()),
        ("AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL", "86400".to_string()),
        ("AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_SERVER_PORT", free_port().to_string()),
        ("AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT", free_port().to_string()),
    ];
    if release.major() == 2 {
        settings.extend([
            ("AIRFLOW__SCHEDULER__MIN_FILE_PROCESS_INTERVAL", "900".to_string()),
            ("AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL", "3".to_string()),
            ("AIRFLOW__SCHEDULER__STALE_DAG_THRESHOLD", "12".to_string()),
            ("AIRFLOW__SCHEDULER__PARSING_PROCESSES", "2".to_string()),
        ]);
    } else {
        let bundles = json!([
            { "name": "folder", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
              "kwargs": { "refresh_interval": 3 } },
            { "name": "versions", "classpath": "airflow.providers.git.bundles.git.GitDagBundle",
              "kwargs": { "repo_url": path("repository"), "tracking_ref": "main", "refresh_interval": 3 } },
        ]);
        settings.extend([
            ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC", database.url("asyncpg")),
            // Dozens of tasks start at once; on a busy machine the server has no answer for all in five seconds.
            ("AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT", "60".to_string()),
            ("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", bundles.to_string()),
            ("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", path("bundles")),
            ("AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL", "900".to_string()),
            ("AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD", "12".to_string()),
            ("AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES", "2".to_string()),
        ]);
    }
    settings.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}
