//! The examples on the pages of the rules, for whoever judges by them: the rules' own tests, and the program
//! that switches parts of the judgement off.

use dagguard::content::{ContentPath, File, Revision, Snapshot};
use dagguard::facts::{
    Answer, DagFacts, Facts, Instance, Run, Seen, StoredType, StoredTypes, StoredValue, TaskInstance, TaskState,
    ValueKind,
};
use dagguard::ids::{AirflowVersion, DagId, InstanceName, MapIndex, RunId, TaskId};
use dagguard::report::Report;
use dagguard::rules::{Policy, registry, source};
use dagguard::{check, config};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A heading below `## Examples`, with its fenced files.
#[derive(Debug, Default)]
pub(crate) struct Example {
    pub(crate) rule: String,
    pub(crate) title: String,
    pub(crate) deployed: BTreeMap<String, String>,
    pub(crate) proposed: BTreeMap<String, String>,
    runs: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Runs {
    #[serde(default = "latest_2")]
    airflow: String,
    #[serde(default = "known")]
    live: String,
    /// How many slots pools have.
    #[serde(default)]
    pool_slots: BTreeMap<String, i64>,
    /// What exists, of what was asked for; none: it was not looked up.
    pools: Option<BTreeSet<String>>,
    variables: Option<BTreeSet<String>>,
    connections: Option<BTreeSet<String>>,
    /// DAGs that are paused.
    #[serde(default)]
    paused: BTreeSet<String>,
    #[serde(default)]
    run: Vec<RunOf>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RunOf {
    dag_id: String,
    #[serde(default)]
    bundle_version: Option<String>,
    /// What it was given.
    #[serde(default)]
    conf: serde_json::Value,
    /// How long ago it started, in seconds.
    #[serde(default)]
    age: Option<i64>,
    /// State by `task` or `task[index]`.
    tasks: BTreeMap<String, String>,
    /// Type of what a task has stored as its result, as JSON calls it.
    #[serde(default)]
    stored: BTreeMap<String, ValueKind>,
    /// The keys of all that a task has stored.
    #[serde(default)]
    keys: BTreeMap<String, BTreeSet<String>>,
}

/// When the runs of an example were looked at: 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;

fn latest_2() -> String {
    "2.11.2".into()
}

fn known() -> String {
    "known".into()
}

/// The examples of a page.
pub(crate) fn examples(rule: &str, text: &str) -> Vec<Example> {
    let page = text.split_once("\n## Examples\n").map(|(_, examples)| examples).unwrap_or_default();
    let mut examples: Vec<Example> = Vec::new();
    let mut fence: Option<(String, String)> = None;
    for line in page.lines() {
        match &mut fence {
            None => {
                if let Some(title) = line.strip_prefix("### ") {
                    examples.push(Example { rule: rule.to_owned(), title: title.into(), ..Example::default() });
                } else if let Some(info) = line.strip_prefix("```") {
                    fence = Some((info.to_string(), String::new()));
                }
            }
            Some(_) if line == "```" => {
                let (info, body) = fence.take().expect("it is open here");
                let example = examples.last_mut().unwrap_or_else(|| panic!("{rule}: a fence before the first `###`"));
                example.take(&info, body);
            }
            Some((_, body)) => {
                body.push_str(line);
                body.push('\n');
            }
        }
    }
    assert!(fence.is_none(), "{rule}: a fence is not closed");
    examples
}

impl Example {
    fn take(&mut self, info: &str, body: String) {
        if info == "toml runs" {
            self.runs = Some(body);
            return;
        }
        let (side, path) = info.split_once(' ').and_then(|(_, rest)| rest.split_once('=')).unwrap_or_else(|| {
            panic!("{}: a fence needs `deployed=`, `proposed=` or `both=`: {info}", self.rule);
        });
        if matches!(side, "deployed" | "both") {
            self.deployed.insert(path.into(), body.clone());
        }
        if matches!(side, "proposed" | "both") {
            self.proposed.insert(path.into(), body);
        }
    }

    /// `(rule, level, path, line)` of every expectation, with the side it stands on.
    pub(crate) fn expected(&self) -> Vec<(String, String, String, u32)> {
        let mut expected = Vec::new();
        for files in [&self.deployed, &self.proposed] {
            for (path, text) in files {
                for (at, line) in (1..).zip(text.lines()) {
                    let Some((_, words)) = line.split_once("# expect: ") else { continue };
                    for words in words.split(';') {
                        let (rule, level) = words.trim().split_once(' ').expect("`# expect: RULE LEVEL`");
                        expected.push((rule.to_string(), level.trim().to_string(), path.clone(), at));
                    }
                }
            }
        }
        expected.sort();
        expected.dedup();
        expected
    }

    /// The runs in flight.
    pub(crate) fn facts(&self) -> Facts {
        let text = self.runs.clone().unwrap_or_default();
        let runs: Runs = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {}: {error}", self.rule, self.title));
        let name = InstanceName::new("default");
        let mut instance = Instance::unavailable(name, "connection refused");
        instance.version = AirflowVersion::parse(&runs.airflow);
        match runs.live.as_str() {
            "known" => instance.others = Seen::Known(()),
            "unavailable" => {}
            other => panic!("{}: `live` is known or unavailable: {other}", self.rule),
        }
        let names = [
            (&mut instance.pools, runs.pools),
            (&mut instance.variables, runs.variables),
            (&mut instance.connections, runs.connections),
        ];
        for (answer, names) in names {
            *answer = names.map_or(Answer::NotChecked("not asked".into()), Answer::Checked);
        }
        instance.details.pool_slots = runs.pool_slots;
        for dag_id in runs.paused {
            let facts = DagFacts { is_paused: Some(true), ..DagFacts::default() };
            instance.dags.insert(DagId::new(dag_id), Seen::Known(facts));
        }
        for (number, run) in runs.run.into_iter().enumerate() {
            instance.details.values.extend(run.stored.iter().map(|(task_id, kind)| StoredTypes {
                value: StoredValue {
                    dag_id: DagId::new(run.dag_id.as_str()),
                    task_id: TaskId::new(task_id.as_str()),
                    key: "return_value".into(),
                },
                types: Answer::Checked(vec![StoredType {
                    run_id: RunId::new(format!("r{}", number + 1)),
                    map_index: MapIndex(-1),
                    kind: *kind,
                }]),
            }));
            let dag = instance.dags.entry(DagId::new(run.dag_id.as_str())).or_insert(Seen::Known(DagFacts::default()));
            let Seen::Known(dag) = dag else { unreachable!() };
            dag.runs.push(Run {
                run_id: RunId::new(format!("r{}", number + 1)),
                state: "running".into(),
                run_type: None,
                logical_date: None,
                start_date: run.age.map(|age| Timestamp::from_second(NOW - age).expect("an age in seconds")),
                bundle_version: run.bundle_version,
                conf: run.conf,
                task_instances: run
                    .tasks
                    .iter()
                    .map(|(key, state)| task_instance(key, state, run.keys.get(key)))
                    .collect(),
            });
        }
        Facts { taken_at: Timestamp::from_second(NOW).ok(), instances: vec![instance] }
    }

    /// What is said of it under a policy.
    pub(crate) fn check(&self, policy: &Policy) -> Report {
        let (deployed, proposed) = (tree("deployed", &self.deployed), tree("proposed", &self.proposed));
        check(&deployed, &proposed, &self.facts(), &of_trees(policy, &deployed, &proposed))
    }
}

fn task_instance(key: &str, state: &str, keys: Option<&BTreeSet<String>>) -> TaskInstance {
    let (task_id, index) = match key.strip_suffix(']').and_then(|key| key.rsplit_once('[')) {
        Some((task_id, index)) => (task_id, index.parse().expect("a map index")),
        None => (key, -1),
    };
    TaskInstance {
        task_id: TaskId::new(task_id),
        map_index: MapIndex(index),
        state: TaskState::of(Some(state)),
        try_number: None,
        operator: None,
        trigger: None,
        xcom_keys: keys.map_or_else(|| Answer::NotChecked("not recorded".into()), |keys| Answer::Checked(keys.clone())),
    }
}

/// The policy with what both trees say of it, on a day on which examples stay what they are.
pub(crate) fn of_trees(policy: &Policy, deployed: &Snapshot, proposed: &Snapshot) -> Policy {
    Policy {
        deployed: config::tree(deployed, registry()),
        proposed: config::tree(proposed, registry()),
        now: Timestamp::from_second(NOW).ok(),
        ..policy.clone()
    }
}

pub(crate) fn tree(name: &str, files: &BTreeMap<String, String>) -> Snapshot {
    let revision = Revision::new(name);
    let mut snapshot = Snapshot::empty(revision.clone());
    for (path, text) in files {
        let (path, file) =
            (ContentPath::new(path).expect("a path of a tree"), File::regular(&revision, text.as_bytes()));
        match path.as_str() {
            "dagguard.toml" | "pyproject.toml" => snapshot.configure(path, file),
            _ => snapshot.insert(path, file),
        }
    }
    snapshot
}

/// All examples of all pages of the program.
pub(crate) fn all_examples() -> Vec<Example> {
    let pages = registry().all().filter_map(|rule| Some((&rule.id, source(&rule.id)?)));
    pages.flat_map(|(id, text)| examples(id, text)).collect()
}
