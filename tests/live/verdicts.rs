//! Verdicts that a real Airflow confirms: runs are brought to the state where a content change meets
//! them, `dagguard check` reads the REST API itself, its verdict is held against what was recorded of
//! the scenario, and then the change is delivered and what becomes of the runs is held against it too.
//!
//! The scenarios and the record are those of `testdata/oracle` (see its README) and, in the long case,
//! of the developers' shared folder. A release runs its sample in one server, all at once.

mod missing;
mod mutated;
#[path = "../it/oracle/outcomes.rs"]
mod outcomes;
mod scenario;
mod stage;

use super::Case;
use super::support::install::{AIRFLOW_2_11, Release};
use scenario::{Scenario, recorded};
use serde_json::Value;
use stage::{Played, Stage};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The scenarios of every run, each with the truth that has its row.
const SAMPLE: &str = include_str!("verdicts/sample.txt");
/// Rows where this program and the record differ, each with the reason (see `tests/it/oracle.rs`).
const KNOWN: &str = include_str!("../it/oracle/known.txt");
/// Fewer would not be a sample.
const LEAST: usize = 30;
/// How many runs stand at their gates at once in the long case.
const BATCH: usize = 32;

pub(crate) fn cases(release: &Release) -> Vec<(&'static str, Case)> {
    let mut cases = vec![
        ("verdicts_are_what_becomes_of_the_runs", Case::Installed(verdicts_are_what_becomes_of_the_runs)),
        ("verdicts_on_all_other_scenarios", Case::Installed(verdicts_on_all_other_scenarios)),
        ("random_changes_do_what_is_said_of_them", Case::Installed(mutated::random_changes_do_what_is_said_of_them)),
    ];
    // What judges the tests needs no Airflow, and is asked once.
    if *release == AIRFLOW_2_11 {
        let case = Case::Installed(missing::a_build_without_a_rule_or_a_step_turns_a_test_red);
        cases.push(("a_build_without_a_rule_or_a_step_turns_a_test_red", case));
    }
    cases
}

fn ours() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/oracle")
}

/// The developers' folder; none where `DAGGUARD_TEST_NO_SHARED` says that it is not there.
fn shared() -> Option<PathBuf> {
    if std::env::var_os("DAGGUARD_TEST_NO_SHARED").is_some() {
        return None;
    }
    let folder = std::env::var_os("DAGGUARD_TEST_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    assert!(folder.is_dir(), "nothing at `{}`: set DAGGUARD_TEST_NO_SHARED=1 if it is not here", folder.display());
    Some(folder.join("oracle"))
}

/// The truths of a release: that of its DAG folder and, on Airflow 3, that of a versioned bundle.
fn truths(release: &Release) -> Vec<String> {
    let mut truths = vec![release.version.to_string()];
    if release.major() == 3 {
        truths.push(format!("{}-git", release.version));
    }
    truths
}

fn sample(truth: &str) -> BTreeSet<String> {
    let lines = SAMPLE.lines().filter_map(|line| line.split_once(' '));
    lines.filter(|(of, _)| *of == truth).map(|(_, name)| name.to_string()).collect()
}

fn verdicts_are_what_becomes_of_the_runs(release: &'static Release) {
    let mut scenarios = Vec::new();
    for truth in truths(release) {
        let names = sample(&truth);
        let of_truth: Vec<Scenario> = recorded(&ours(), &truth, &BTreeSet::new())
            .into_iter()
            .filter(|scenario| names.contains(&scenario.name))
            .collect();
        let found: BTreeSet<String> = of_truth.iter().map(|scenario| scenario.name.clone()).collect();
        assert_eq!(found, names, "{truth} has no row that may be judged");
        scenarios.extend(of_truth);
    }
    assert!(scenarios.len() >= LEAST, "{} scenarios", scenarios.len());
    let batch = scenarios.into_iter().map(|scenario| (scenario, String::new())).collect();
    play_all(release, "verdicts", vec![batch]).conclude(release.version);
}

/// `DAGGUARD_TEST_SCENARIOS=<name>,<table>:<name>,<table>:` takes those alone: by name in every table, in one, and
/// all of one.
fn verdicts_on_all_other_scenarios(release: &'static Release) {
    let asked = std::env::var("DAGGUARD_TEST_SCENARIOS").ok();
    let is_asked = |scenario: &Scenario, label: &str| {
        asked.as_ref().is_none_or(|names| {
            names.split(',').any(|name| match name.split_once(':') {
                Some((table, name)) => table == label && (name.is_empty() || name == scenario.name),
                None => name == scenario.name,
            })
        })
    };
    let mut all: Vec<(Scenario, String)> = Vec::new();
    for (folder, whose) in [(Some(ours()), "ours-"), (shared(), "")] {
        let Some(folder) = folder else { continue };
        for truth in truths(release) {
            let sampled = if whose.is_empty() || asked.is_some() { BTreeSet::new() } else { sample(&truth) };
            let label = format!("{whose}{truth}");
            let scenarios = recorded(&folder, &truth, &sampled).into_iter();
            let scenarios = scenarios.filter(|scenario| is_asked(scenario, &label));
            all.extend(scenarios.map(|scenario| (scenario, label.clone())));
        }
    }
    // A restart of the triggerer hits its whole batch, and a batch is of one table.
    let kind = |(scenario, label): &(Scenario, String)| (scenario.restarts_triggerer(), label.clone());
    all.sort_by_key(kind);
    let parts = all.chunk_by(|a, b| kind(a) == kind(b)).flat_map(|part| part.chunks(BATCH));
    play_all(release, "verdicts-all", parts.map(<[_]>::to_vec).collect()).conclude(release.version);
}

/// Plays all scenarios, a batch at once, and those again whose runs did not come to where they were when they
/// were recorded: a machine that has too much to do loses tasks, which proves nothing; what Airflow does, it
/// does again, unless it is known to be a race. A verdict that differs is a fault the first time.
fn play_all(release: &'static Release, home: &str, batches: Vec<Vec<(Scenario, String)>>) -> Table {
    let mut table = Table::default();
    let again = play_once(release, home, batches, &mut table);
    if !again.is_empty() {
        let again: Vec<_> = again.into_iter().map(|(scenario, label, _)| (scenario, label)).collect();
        let batches = again.chunks(BATCH).map(<[_]>::to_vec).collect();
        for (scenario, label, came_out) in play_once(release, &format!("{home}-again"), batches, &mut table) {
            let line = format!("{} of {label} came out otherwise twice", scenario.name);
            // No race keeps a run from the state where the change comes.
            if came_out == CameOut::Otherwise && is_known(Differs::ByRace, &scenario.name, &label) {
                table.known.push(line);
            } else {
                table.faults.push(line);
            }
        }
    }
    table
}

/// Plays them on one server; gives those whose runs came out otherwise than recorded.
fn play_once(
    release: &'static Release,
    home: &str,
    batches: Vec<Vec<(Scenario, String)>>,
    table: &mut Table,
) -> Vec<(Scenario, String, CameOut)> {
    let mut again = Vec::new();
    if batches.is_empty() {
        return again;
    }
    let mut stage = Stage::start(release, home);
    for batch in batches {
        let scenarios: Vec<Scenario> = batch.iter().map(|(scenario, _)| scenario.clone()).collect();
        let played = stage.play(&scenarios, true);
        eprintln!("{} of {}:", batch.len(), batch[0].1);
        for (scenario, label) in batch {
            let mut one = Table::default();
            let came_out = one.add(&scenario, &played[&scenario.name], &label);
            // The whole takes long: what is wrong is said when it is seen.
            one.faults.iter().for_each(|fault| eprintln!("{fault}"));
            match came_out {
                CameOut::AsRecorded => table.join(one),
                CameOut::Otherwise | CameOut::NotReached => again.push((scenario, label, came_out)),
            }
        }
    }
    stage.end();
    again
}

/// What the list of known differences says of a row.
#[derive(Clone, Copy)]
enum Differs {
    Verdict,
    Prediction,
    /// What becomes of the runs, or what is foretold of them, by the moment.
    ByRace,
}

/// Whether the list of known differences has the row.
fn is_known(differs: Differs, scenario: &str, label: &str) -> bool {
    let is_meant = |what: &str| match differs {
        Differs::Verdict => !["prediction", "race"].contains(&what),
        Differs::Prediction => what == "prediction",
        Differs::ByRace => what == "race",
    };
    KNOWN.lines().filter(|line| !line.starts_with('#')).any(|line| {
        let row = line.split_once(": ").map_or(line, |(row, _)| row);
        let mut words = row.split(' ');
        words.next().is_some_and(is_meant) && words.next() == Some(scenario) && words.any(|word| word == label)
    })
}

/// How the runs of a scenario stand to those that were recorded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CameOut {
    AsRecorded,
    Otherwise,
    /// The change never met them in the state that was recorded.
    NotReached,
}

#[derive(Default)]
struct Table {
    verdicts: usize,
    outcomes: usize,
    foretold: usize,
    total: usize,
    known: Vec<String>,
    faults: Vec<String>,
}

impl Table {
    fn join(&mut self, other: Self) {
        self.verdicts += other.verdicts;
        self.outcomes += other.outcomes;
        self.foretold += other.foretold;
        self.total += other.total;
        self.known.extend(other.known);
        self.faults.extend(other.faults);
    }

    /// `label` is the table of the list of known differences that the scenario belongs to.
    fn add(&mut self, scenario: &Scenario, played: &Played, label: &str) -> CameOut {
        self.total += 1;
        let name = format!("{}{}", scenario.name, if scenario.pinned { ", pinned" } else { "" });
        if let Some(why) = &played.not_reached {
            self.faults.push(format!("{name}: the state where the change comes was not reached: {why}"));
            return CameOut::NotReached;
        }
        let verdict = verdict_fault(scenario.severity(), played);
        self.verdicts += usize::from(verdict.is_none());
        if let Some(fault) = verdict {
            self.differ(&[Differs::Verdict], scenario, label, &fault);
        }
        let foretold = foretold_fault(scenario, played);
        self.foretold += usize::from(foretold.is_none());
        if let Some(fault) = foretold {
            self.differ(&[Differs::Prediction, Differs::ByRace], scenario, label, &fault);
        }
        let is_right = self.faults.is_empty();
        let outcome = outcome_fault(scenario, played);
        let came_out = if outcome.is_some() && is_right { CameOut::Otherwise } else { CameOut::AsRecorded };
        self.outcomes += usize::from(outcome.is_none());
        self.faults.extend(outcome.map(|fault| format!("{name}: {fault}")));
        came_out
    }

    fn differ(&mut self, kinds: &[Differs], scenario: &Scenario, label: &str, fault: &str) {
        let name = format!("{}{}", scenario.name, if scenario.pinned { ", pinned" } else { "" });
        if kinds.iter().any(|kind| is_known(*kind, &scenario.name, label)) {
            self.known.push(name);
        } else {
            self.faults.push(format!("{name}: {fault}"));
        }
    }

    fn conclude(&self, version: &str) {
        eprintln!(
            "Airflow {version}: {} scenarios; {} verdicts, {} predictions and {} outcomes agree; known to differ: {:?}",
            self.total, self.verdicts, self.foretold, self.outcomes, self.known
        );
        assert!(self.faults.is_empty(), "Airflow {version}:\n{}", self.faults.join("\n"));
    }
}

/// Blocked exactly where it hurts; a run whose record merely changes may be seen either way.
fn verdict_fault(severity: &str, played: &Played) -> Option<String> {
    let right = matches!((severity, played.exit), ("hard", Some(1)) | ("none", Some(0)) | ("soft", Some(0 | 1)));
    (!right)
        .then(|| format!("recorded as `{severity}`, and the check ended with {:?}: {}", played.exit, played.findings()))
}

/// What the report foretells of each run, held against the record.
fn foretold_fault(scenario: &Scenario, played: &Played) -> Option<String> {
    let recorded = scenario.outcomes();
    let differ = recorded.into_iter().find_map(|(dag_id, recorded)| {
        let foretold = played.foretold(&dag_id);
        (foretold != recorded).then(|| format!("{recorded:?} recorded of `{dag_id}`, {foretold:?} foretold"))
    })?;
    Some(format!("{differ}: {}", played.findings()))
}

/// What became of the runs, held against the record.
fn outcome_fault(scenario: &Scenario, played: &Played) -> Option<String> {
    let recorded = scenario.run_states();
    if played.run_states != recorded {
        return Some(format!("the runs are {:?}, recorded {recorded:?}: {:?}", played.run_states, played.instances));
    }
    let ended = |instances: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        let all = instances.iter().filter(|(_, state)| stage::ENDED.contains(&state.as_str()));
        all.map(|(key, state)| (key.clone(), state.clone())).collect()
    };
    let (now, then) = (ended(&played.instances), ended(&scenario.instances()));
    if now != then {
        return Some(format!("the instances are {now:?}, recorded {then:?}"));
    }
    let finals: Vec<&Value> =
        played.records.iter().filter(|(label, _)| label == "final").map(|(_, value)| value).collect();
    (finals != scenario.finals().iter().collect::<Vec<_>>())
        .then(|| format!("the final values are {finals:?}, recorded {:?}", scenario.finals()))
}
