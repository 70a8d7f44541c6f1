//! The examples on the pages of the rules, each with the runs that are in flight.

use dagguard::config;
use dagguard::content::{ContentPath, File, Layout, Revision, Snapshot};
use dagguard::facts::{
    Answer, DagFacts, Facts, Instance, Run, Seen, StoredType, StoredTypes, StoredValue, TaskInstance, TaskState,
    ValueKind,
};
use dagguard::ids::{AirflowVersion, DagId, InstanceName, MapIndex, RunId, TaskId};
use dagguard::rules::{Policy, registry, source};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// When runs were looked at, in seconds; what expires on a page does so by this day.
const NOW: i64 = 1_767_225_600;

/// What is said of an example: rule, level and place of each finding, and the verdict.
pub(crate) type Said = BTreeSet<String>;

/// A pair of trees and the runs that meet the change.
pub(crate) struct Example {
    pub(crate) name: String,
    deployed: Snapshot,
    proposed: Snapshot,
    facts: Facts,
}

// A member that is new on the pages would be passed over, and what it shows with it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Live {
    #[serde(default)]
    airflow: Option<String>,
    #[serde(default, rename = "live")]
    seen: Option<String>,
    #[serde(default)]
    pool_slots: BTreeMap<String, i64>,
    pools: Option<BTreeSet<String>>,
    variables: Option<BTreeSet<String>>,
    connections: Option<BTreeSet<String>>,
    #[serde(default)]
    paused: BTreeSet<String>,
    #[serde(default)]
    run: Vec<InFlight>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct InFlight {
    dag_id: String,
    bundle_version: Option<String>,
    #[serde(default)]
    conf: serde_json::Value,
    age: Option<i64>,
    tasks: BTreeMap<String, String>,
    /// Types of results, as JSON calls them.
    #[serde(default)]
    stored: BTreeMap<String, ValueKind>,
}

/// All examples of all pages.
pub(crate) fn examples() -> Vec<Example> {
    let pages = registry().all().filter_map(|rule| Some((rule.id.clone(), source(&rule.id)?)));
    pages.flat_map(|(id, text)| of_page(&id, text)).collect()
}

fn of_page(id: &str, text: &str) -> Vec<Example> {
    let Some((_, page)) = text.split_once("\n## Examples\n") else { return Vec::new() };
    let parts = page.split("\n### ").filter(|part| part.contains("```"));
    parts.map(|part| of_part(id, part)).collect()
}

/// A heading, and its fenced files.
fn of_part(id: &str, part: &str) -> Example {
    let title = part.lines().find(|line| !line.is_empty()).unwrap_or_default().trim_start_matches("### ");
    let (mut deployed, mut proposed) = (tree("deployed"), tree("proposed"));
    let mut live = String::new();
    let mut rest = part;
    while let Some((_, fence)) = rest.split_once("```") {
        let (info, body) = fence.split_once('\n').expect("a fence has lines");
        let (body, after) = body.split_once("\n```").unwrap_or((body, ""));
        rest = after;
        let body = format!("{body}\n");
        match info.split_once(' ').and_then(|(_, side)| side.split_once('=')) {
            None => live = body,
            Some((side, path)) => {
                for (of, tree) in [("deployed", &mut deployed), ("proposed", &mut proposed)] {
                    if side == of || side == "both" {
                        put(tree, path, &body);
                    }
                }
            }
        }
    }
    Example { name: format!("rules/{id}.md, {title}"), deployed, proposed, facts: facts(&live) }
}

fn tree(name: &str) -> Snapshot {
    Snapshot::empty(Revision::new(name))
}

fn put(tree: &mut Snapshot, path: &str, text: &str) {
    let file = File::regular(tree.revision(), text.as_bytes());
    let name = ContentPath::new(path).expect("a page names paths of a tree");
    if matches!(path, "dagguard.toml" | "pyproject.toml") {
        tree.configure(name, file);
    } else {
        tree.insert(name, file);
    }
}

fn facts(text: &str) -> Facts {
    let live: Live = toml::from_str(text).expect("a page's runs are TOML");
    let mut instance = Instance::unavailable(InstanceName::new("default"), "connection refused");
    instance.version = AirflowVersion::parse(live.airflow.as_deref().unwrap_or("2.11.2"));
    if live.seen.as_deref() != Some("unavailable") {
        instance.others = Seen::Known(());
    }
    let checked =
        |names: Option<BTreeSet<String>>| names.map_or(Answer::NotChecked("not asked".into()), Answer::Checked);
    instance.pools = checked(live.pools);
    instance.variables = checked(live.variables);
    instance.connections = checked(live.connections);
    instance.details.pool_slots = live.pool_slots;
    for dag_id in live.paused {
        let paused = DagFacts { is_paused: Some(true), ..DagFacts::default() };
        instance.dags.insert(DagId::new(dag_id), Seen::Known(paused));
    }
    for (number, run) in (1..).zip(live.run) {
        instance.details.values.extend(run.stored.iter().map(|(task_id, kind)| StoredTypes {
            value: StoredValue {
                dag_id: DagId::new(run.dag_id.as_str()),
                task_id: TaskId::new(task_id.as_str()),
                key: "return_value".into(),
            },
            types: Answer::Checked(vec![StoredType {
                run_id: RunId::new(format!("r{number}")),
                map_index: MapIndex(-1),
                kind: *kind,
            }]),
        }));
        let known = Seen::Known(DagFacts::default());
        if let Seen::Known(dag) = instance.dags.entry(DagId::new(run.dag_id.as_str())).or_insert(known) {
            dag.runs.push(Run {
                run_id: RunId::new(format!("r{number}")),
                state: "running".into(),
                run_type: None,
                logical_date: None,
                start_date: run.age.and_then(|age| Timestamp::from_second(NOW - age).ok()),
                bundle_version: run.bundle_version,
                conf: run.conf,
                task_instances: run.tasks.iter().map(|(key, state)| task_instance(key, state)).collect(),
            });
        }
    }
    Facts { taken_at: Timestamp::from_second(NOW).ok(), instances: vec![instance] }
}

fn task_instance(key: &str, state: &str) -> TaskInstance {
    let indexed = key.strip_suffix(']').and_then(|key| key.rsplit_once('['));
    let (task_id, index) = indexed.map_or((key, -1), |(task_id, index)| (task_id, index.parse().unwrap_or(-1)));
    TaskInstance {
        task_id: TaskId::new(task_id),
        map_index: MapIndex(index),
        state: TaskState::of(Some(state)),
        try_number: None,
        operator: None,
        trigger: None,
        xcom_keys: Answer::NotChecked("not recorded".into()),
    }
}

impl Example {
    /// What is said of it now.
    pub(crate) fn said(&self) -> Said {
        let policy = Policy {
            deployed: config::tree(&self.deployed, registry()),
            proposed: config::tree(&self.proposed, registry()),
            now: Timestamp::from_second(NOW).ok(),
            ..Policy::check(Layout::Content)
        };
        let report = dagguard::check(&self.deployed, &self.proposed, &self.facts, &policy);
        let findings = report.findings.iter().map(|finding| {
            let place = finding.proposed.as_ref().or(finding.deployed.as_ref());
            let place = place.map(|at| format!("{}:{}", at.path, at.span.line)).unwrap_or_default();
            format!("{} {} {place}", finding.rule, finding.level)
        });
        findings.chain([format!("{:?}", report.verdict)]).collect()
    }
}
