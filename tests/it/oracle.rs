#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test reads scenarios, shows its tables and may panic"
)]

//! Every scenario that was run on a real Airflow, judged in this process: verdicts and predictions held
//! against what was recorded.
//!
//! The scenarios lie in the developers' shared folder (`DAGGUARD_TEST_NO_SHARED` says that it is not
//! there) and in `testdata/oracle`, in one form: a `before` and an `after` tree, and a row in
//! `truth/<version>.json` with the instances at the gate and what became of them.
//!
//! `cargo test --test it oracle -- --nocapture` prints the tables and every disagreement.

#[path = "oracle/outcomes.rs"]
pub(crate) mod recorded;

use crate::shared::shared;
use dagguard::airflow::read_runs;
use dagguard::content::{Layout, Revision, Snapshot};
use dagguard::git::working_tree;
use dagguard::ids::AirflowVersion;
use dagguard::replay::Outcome;
use dagguard::report::Verdict;
use dagguard::rules::Policy;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// When the snapshots of the rows were taken: ten minutes after the runs had started.
const TAKEN: &str = "2026-01-01T00:10:00Z";
const STARTED: &str = "2026-01-01T00:00:00Z";

/// Rows where this program and the record differ, each with the reason; a row that agrees again must
/// leave the list.
const KNOWN: &str = include_str!("oracle/known.txt");

/// Of a hundred predictions, how many must agree: of the shared scenarios, and of our own, which stress what
/// is hard.
const LEAST_AGREEMENT: (usize, usize) = (96, 95);

#[test]
fn verdicts_and_predictions_agree_with_what_real_airflows_did() {
    let mut seen = Seen::default();
    for folder in folders() {
        for truth in truths(&folder) {
            seen.judge(&folder, &truth);
        }
    }
    assert!(!seen.tables.is_empty() || std::env::var_os("DAGGUARD_TEST_NO_SHARED").is_some(), "no scenario is there");
    seen.show();
    let faults = seen.faults();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A tree against itself says nothing, and the way back of each change is judged by itself.
///
/// The two directions are not alike, since a run in flight has its instances from the deployed side: an id or
/// an element that is taken away is lost with its instance, and one that comes back is new work; a value that
/// is stored is stored in the former form; a limit hurts when it is lowered. A change that breaks one way and not
/// the other is no fault, and there must be some.
#[test]
fn equal_sides_say_nothing_and_swapped_ones_are_judged_by_themselves() {
    let (mut one_way, mut judged) = (0, 0);
    for folder in folders() {
        let truth = folder.join("truth/3.3.2.json");
        let file: Value = serde_json::from_slice(&fs::read(&truth).unwrap()).unwrap();
        for (at, row) in file["scenarios"].as_array().unwrap().iter().enumerate() {
            let name = row["name"].as_str().unwrap();
            let scenario = folder.join("scenarios").join(name);
            let facts = read_runs(&serde_json::to_vec(&snapshot(row, "3.3.2", false, &scenario)).unwrap()).unwrap();
            let (before, after) = trees(&scenario);
            let policy = policy(&before, &after);
            let equal = dagguard::check(&before, &before, &facts, &policy);
            assert_eq!((equal.verdict, equal.findings.len()), (Verdict::Allow, 0), "{name} against itself");
            if after.is_empty() {
                // Over nothing it is a first delivery, which is another question.
                continue;
            }
            let back = dagguard::check(&after, &before, &facts, &policy);
            if at % 4 == 0 {
                assert_eq!(back, dagguard::check(&after, &before, &facts, &policy), "{name} swapped, twice");
            }
            judged += 1;
            one_way += usize::from(row["severity"] == json!("hard") && back.verdict == Verdict::Allow);
        }
    }
    println!("{judged} ways back, of which {one_way} are safe and the way there is not");
    assert!(one_way > 0 || judged == 0, "each change breaks both ways");
}

/// Where scenarios are.
fn folders() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![here.join("testdata/oracle")];
    folders.extend(shared().map(|shared| shared.join("oracle")));
    folders.into_iter().filter(|folder| folder.join("truth").is_dir()).collect()
}

pub(crate) fn truths(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder.join("truth"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
}

/// Versions that schedule alike. What a task that ends on 2.x schedules changed with 2.10.3.
fn family(version: &str, pinned: bool) -> String {
    let family = if version.starts_with('2') { version } else { "3" };
    format!("{family}{}", if pinned { "-git" } else { "" })
}

/// The names in a list; none if there is no list.
pub(crate) fn names(list: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(list).unwrap_or_default();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_string).collect()
}

/// What was seen of all rows.
#[derive(Default)]
struct Seen {
    /// By table (folder and version).
    tables: BTreeMap<String, Table>,
    /// The worst that was recorded of a scenario in a family: races are judged by it.
    worst: BTreeMap<(String, String), bool>,
    races: BTreeMap<(String, String), Vec<(String, bool)>>,
    /// Of the shared scenarios, and of our own.
    agree: [usize; 2],
    disagree: Vec<(String, String, String)>,
}

#[derive(Default)]
struct Table {
    true_block: usize,
    false_block: Vec<String>,
    true_allow: usize,
    false_allow: Vec<String>,
    soft_blocked: usize,
    soft_allowed: Vec<String>,
    harmless_blocked: Vec<String>,
}

impl Seen {
    fn judge(&mut self, folder: &Path, truth: &Path) {
        let file: Value = serde_json::from_slice(&fs::read(truth).unwrap()).unwrap();
        let version = file["airflow"].as_str().unwrap().to_string();
        let pinned = truth.file_stem().unwrap().to_string_lossy().ends_with("-git");
        let ours = if folder.ends_with("testdata/oracle") { "ours-" } else { "" };
        let label = format!("{ours}{}", truth.file_stem().unwrap().to_string_lossy());
        let races = names(&folder.join("races.txt"));
        let unscored = names(&folder.join("unscored.txt"));
        for row in file["scenarios"].as_array().unwrap() {
            let name = row["name"].as_str().unwrap();
            if row["control_ok"] != json!(true) || unscored.contains(name) {
                continue;
            }
            let judged = judge(&folder.join("scenarios").join(name), row, &version, pinned);
            let hard = row["severity"] == json!("hard");
            if races.contains(name) {
                let family = family(&version, pinned);
                let key = (name.to_string(), family);
                *self.worst.entry(key.clone()).or_default() |= hard;
                self.races.entry(key).or_default().push((label.clone(), judged.blocks));
                continue;
            }
            self.tables.entry(label.clone()).or_default().count(name, row, judged.blocks);
            self.compare(&label, name, row, &judged);
        }
    }

    fn compare(&mut self, label: &str, name: &str, row: &Value, judged: &Judged) {
        let recorded = recorded::outcomes(row);
        for (dag_id, recorded) in recorded {
            let predicted = judged.outcomes.get(&dag_id).cloned().unwrap_or_default();
            if predicted == recorded {
                self.agree[usize::from(label.starts_with("ours-"))] += 1;
            } else {
                let key = if dag_id == name { name.to_string() } else { format!("{name}:{dag_id}") };
                let text = format!("recorded {}, predicted {}", words(&recorded), words(&predicted));
                self.disagree.push((label.to_string(), key, text));
            }
        }
    }

    fn show(&self) {
        println!("table           block  needless  allow  missed  soft blocked  soft allowed");
        for (label, table) in &self.tables {
            println!(
                "{label:<15} {:>5} {:>9} {:>6} {:>7} {:>13} {:>13}",
                table.true_block,
                table.false_block.len(),
                table.true_allow,
                table.false_allow.len(),
                table.soft_blocked,
                table.soft_allowed.len(),
            );
            for (what, names) in [
                ("needless", &table.false_block),
                ("missed", &table.false_allow),
                ("soft allowed", &table.soft_allowed),
            ] {
                if !names.is_empty() {
                    println!("  {what}: {}", names.join(", "));
                }
            }
        }
        println!("races, by the worst of the family:");
        for ((name, family), rows) in &self.races {
            let worst = if self.worst[&(name.clone(), family.clone())] { "breaks" } else { "does not break" };
            let rows: Vec<String> = rows
                .iter()
                .map(|(label, blocks)| format!("{label} {}", if *blocks { "block" } else { "allow" }))
                .collect();
            println!("  {name} on {family}: {worst}; {}", rows.join(", "));
        }
        let agree: usize = self.agree.iter().sum();
        println!("predictions: {agree} of {} agree", agree + self.disagree.len());
        for (label, name, text) in &self.disagree {
            let reason = reason("prediction", name, label).map_or_else(|| "NO REASON".to_string(), ToString::to_string);
            println!("  {label} {name}: {text}: {reason}");
        }
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut used = BTreeSet::new();
        let mut fault = |what: &str, name: &str, label: &str, text: String| {
            if reason(what, name, label).is_none() {
                faults.push(format!("{label} {name}: {text}; no reason under `{what}` in tests/it/oracle/known.txt"));
            }
            used.insert((what.to_string(), name.to_string(), label.to_string()));
        };
        for (label, table) in &self.tables {
            for name in &table.false_allow {
                fault("missed", name, label, "it broke the run and is allowed".to_string());
            }
            for name in &table.soft_allowed {
                fault("missed", name, label, "an instance is lost and it is allowed".to_string());
            }
            for name in &table.false_block {
                fault("needless", name, label, "nothing happened and it is blocked".to_string());
            }
        }
        for ((name, family), rows) in &self.races {
            let worst = self.worst[&(name.clone(), family.clone())];
            for (label, _) in rows.iter().filter(|(_, blocks)| worst && !blocks) {
                fault("missed", name, label, format!("it can break a run of {family} and is allowed"));
            }
        }
        for (label, name, text) in &self.disagree {
            fault("prediction", name, label, text.clone());
        }
        // What only a live server shows is not found here.
        for (what, name, label) in entries().into_iter().filter(|(what, ..)| what != "race") {
            if self.tables.contains_key(&label) && !used.contains(&(what.clone(), name.clone(), label.clone())) {
                faults.push(format!("{label} {name}: agrees, and leaves `{what}` in tests/it/oracle/known.txt"));
            }
        }
        for (label, table) in &self.tables {
            for name in &table.harmless_blocked {
                faults.push(format!("{label}: `{name}` is harmless and is blocked"));
            }
        }
        // Our own scenarios stress what is hard: their tables are weighed together.
        let mut weighed: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (label, table) in &self.tables {
            let of = if label.starts_with("ours-") { "ours" } else { label.as_str() };
            let (right, blocked) = weighed.entry(of).or_default();
            *right += table.true_block;
            *blocked += table.true_block + table.false_block.len();
        }
        for (label, (right, blocked)) in weighed {
            // A table of a few rows would turn on one.
            if right * 100 < blocked * 97 && blocked > 33 {
                faults.push(format!("{label}: {right} of {blocked} blocked ones break"));
            }
        }
        for (ours, least) in [(false, LEAST_AGREEMENT.0), (true, LEAST_AGREEMENT.1)] {
            let differ = self.disagree.iter().filter(|(label, ..)| label.starts_with("ours-") == ours).count();
            let agree = self.agree[usize::from(ours)];
            if agree * 100 < (agree + differ) * least {
                faults.push(format!("{agree} of {} predictions agree", agree + differ));
            }
        }
        faults
    }
}

/// The lines of the list: what, scenario and version.
fn entries() -> Vec<(String, String, String)> {
    let rows = KNOWN.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": "));
    let mut entries = Vec::new();
    for (row, _) in rows {
        let mut words = row.split(' ');
        let (Some(what), Some(name)) = (words.next(), words.next()) else { continue };
        entries.extend(words.map(|label| (what.to_string(), name.to_string(), label.to_string())));
    }
    entries
}

/// The reason that the list gives for a row: `what scenario versions: reason`.
fn reason(what: &str, name: &str, label: &str) -> Option<&'static str> {
    KNOWN.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let (row, reason) = line.split_once(": ")?;
        let mut words = row.split(' ');
        let known = words.next() == Some(what) && words.next() == Some(name);
        (known && words.any(|version| version == label)).then_some(reason)
    })
}

impl Table {
    fn count(&mut self, name: &str, row: &Value, blocks: bool) {
        match (row["severity"].as_str().unwrap(), blocks) {
            ("hard", true) => self.true_block += 1,
            ("hard", false) => self.false_allow.push(name.to_string()),
            ("soft", true) => self.soft_blocked += 1,
            ("soft", false) => self.soft_allowed.push(name.to_string()),
            (_, true) => self.false_block.push(name.to_string()),
            (_, false) => self.true_allow += 1,
        }
        if blocks && row["class"] == json!("harmless") && row["severity"] == json!("none") {
            self.harmless_blocked.push(name.to_string());
        }
    }
}

pub(crate) struct Judged {
    pub(crate) blocks: bool,
    /// By DAG.
    pub(crate) outcomes: BTreeMap<String, BTreeSet<Outcome>>,
}

/// The trees of a scenario: before and after the change.
fn trees(scenario: &Path) -> (Snapshot, Snapshot) {
    let tree = |side: &str| {
        let dir = scenario.join(side);
        // A deleted file leaves no folder behind.
        if dir.is_dir() { working_tree(&dir).unwrap() } else { Snapshot::empty(Revision::new("working-tree")) }
    };
    (tree("before"), tree("after"))
}

fn policy(before: &Snapshot, after: &Snapshot) -> Policy {
    let layout = match (Layout::of(before), Layout::of(after)) {
        (Layout::Plain, Layout::Plain) => Layout::Plain,
        _ => Layout::Content,
    };
    // The Airflows of the record ran on that Python.
    Policy { target_python: Some(11), ..Policy::check(layout) }
}

pub(crate) fn judge(scenario: &Path, row: &Value, version: &str, pinned: bool) -> Judged {
    let (before, after) = trees(scenario);
    let facts = read_runs(&serde_json::to_vec(&snapshot(row, version, pinned, scenario)).unwrap()).unwrap();
    // As the program does, by what the server says of itself.
    let policy = Policy { airflow: AirflowVersion::parse(version), ..policy(&before, &after) };
    let report = dagguard::check(&before, &after, &facts, &policy);
    let outcomes: BTreeMap<_, _> = report
        .predictions
        .iter()
        .map(|prediction| (prediction.dag_id.to_string(), prediction.outcomes.clone()))
        .collect();
    let blocks = report.verdict == Verdict::Block;
    // What is foretold of a run is never let through because no rule looks at the instance that it befalls.
    assert!(blocks || outcomes.values().all(BTreeSet::is_empty), "{}: {outcomes:?} is let through", scenario.display());
    Judged { blocks, outcomes }
}

/// The runs at the gate, one a DAG, in the form of `dagguard snapshot`.
fn snapshot(row: &Value, version: &str, pinned: bool, scenario: &Path) -> Value {
    let mut runs: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let name = row["name"].as_str().unwrap();
    let xcoms: Vec<&str> = row["at_gate_xcoms"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for (key, state) in row["at_gate"].as_object().unwrap() {
        let (dag_id, key) = key.rsplit_once(':').unwrap_or((name, key));
        let (task_id, index) = match key.strip_suffix(']').and_then(|key| key.rsplit_once('[')) {
            Some((task_id, index)) => (task_id, index.parse().unwrap()),
            None => (key, -1),
        };
        let prefixes = [format!("{key}."), format!("{dag_id}:{key}.")];
        let keys: Vec<&str> = xcoms
            .iter()
            .filter_map(|xcom| prefixes.iter().find_map(|prefix| xcom.strip_prefix(prefix.as_str())))
            .filter(|key| !key.contains('.'))
            .collect();
        let state = if state == "none" { Value::Null } else { state.clone() };
        runs.entry(dag_id.to_string())
            .or_default()
            .push(json!({"task_id": task_id, "map_index": index, "state": state, "xcom_keys": keys}));
    }
    let conf = fs::read_to_string(scenario.join("scenario.toml")).unwrap_or_default();
    let conf = conf.lines().find_map(|line| line.strip_prefix("conf = "));
    let conf: Value = conf.map_or_else(|| json!({}), |text| serde_json::from_str(text).unwrap());
    let runs: Vec<Value> = runs
        .into_iter()
        .map(|(dag_id, instances)| {
            json!({"dag_id": dag_id, "run_id": format!("{name}__change"), "state": "running", "run_type": "manual",
                "start_date": STARTED, "conf": conf.clone(), "bundle_version": pinned.then_some("pinned"),
                "task_instances": instances})
        })
        .collect();
    json!({"schema_version": 1, "taken_at": TAKEN, "instances": [{"name": "default", "airflow_version": version,
        "live": "known", "facts": {"pools": ["default_pool"]}, "runs": runs}]})
}

fn words(outcomes: &BTreeSet<Outcome>) -> String {
    let words: Vec<&str> = outcomes.iter().map(|outcome| outcome.word()).collect();
    if words.is_empty() { "nothing".to_string() } else { words.join(" + ") }
}
