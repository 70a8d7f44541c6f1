//! Runs in flight in a file instead of a server: what `dagguard snapshot` writes and `--runs`
//! reads, by one set of shapes for both ways. Only identities and states are required; what is
//! absent was not checked.
//!
//! Invariants: what was not seen stays not seen, with its reason; what [`write_runs`] wrote is
//! written again as it was, byte for byte.

use super::wire::Texts;
use crate::facts::{Answer, DagFacts, Details, Facts, Instance, Run, Seen, TaskInstance, TaskState};
use crate::ids::{AirflowVersion, DagId, InstanceName, MapIndex, RunId, TaskId};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use thiserror::Error;

/// The only shape there is so far.
const SCHEMA_VERSION: u64 = 1;

/// Why a file of runs cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunsFileError {
    /// It is not the JSON that it should be; the cause names line and column.
    #[error("runs file cannot be read ({0})")]
    Unreadable(#[from] serde_json::Error),
    /// A shape of another release of this program.
    #[error("runs file has a schema_version that is not known (known: {SCHEMA_VERSION}): `{0}`")]
    SchemaVersion(u64),
    /// A time that is none.
    #[error("runs file has a time in `{field}` that is not like 2026-01-01T00:00:00Z: `{value}`")]
    Time {
        /// The member.
        field: &'static str,
        /// What it holds.
        value: String,
    },
}

/// Reads the file.
///
/// `live` of an instance: `known` (the default), a DAG that is not listed has no runs; `partial`,
/// nothing is known about DAGs that are not listed; `unavailable`, nothing is known at all. A DAG
/// in `unreadable` is not visible, one in `unavailable` not known, whatever else is said about it.
pub fn read_runs(bytes: &[u8]) -> Result<Facts, RunsFileError> {
    let file: File<'_> = match serde_json::from_slice(bytes) {
        Ok(file) => file,
        Err(error) => {
            // The version decides how the rest is read: what another one holds is not what is wrong.
            let Header { schema_version } = serde_json::from_slice(bytes)?;
            of_this_version(schema_version)?;
            return Err(error.into());
        }
    };
    of_this_version(file.schema_version)?;
    let taken_at = time("taken_at", file.taken_at)?;
    let instances = file.instances.into_iter().map(FileInstance::facts).collect::<Result<_, _>>()?;
    Ok(Facts { taken_at, instances })
}

fn of_this_version(schema_version: u64) -> Result<(), RunsFileError> {
    if schema_version == SCHEMA_VERSION { Ok(()) } else { Err(RunsFileError::SchemaVersion(schema_version)) }
}

/// What of a snapshot goes into the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Identities, states, versions and times: nothing that a user wrote into a run.
    Without,
    /// Also the `conf` of each run.
    With,
}

/// Writes what [`read_runs`] reads.
pub fn write_runs(facts: &Facts, values: Values) -> Result<String, serde_json::Error> {
    let file = File {
        schema_version: SCHEMA_VERSION,
        taken_at: facts.taken_at.map(|time| time.to_string()),
        instances: facts.instances.iter().map(|instance| FileInstance::of(instance, values)).collect(),
    };
    serde_json::to_string_pretty(&file).map(|text| text + "\n")
}

#[derive(Deserialize)]
struct Header {
    #[serde(default = "schema_version")]
    schema_version: u64,
}

fn schema_version() -> u64 {
    SCHEMA_VERSION
}

#[derive(Deserialize, Serialize)]
struct File<'a> {
    #[serde(default = "schema_version")]
    schema_version: u64,
    taken_at: Option<String>,
    #[serde(borrow)]
    instances: Vec<FileInstance<'a>>,
}

#[derive(Deserialize, Serialize)]
struct FileInstance<'a> {
    #[serde(default = "default_name")]
    name: String,
    airflow_version: Option<String>,
    #[serde(default)]
    live: Live,
    /// Why it is partial or unavailable.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// It is partial because the credentials do not read all DAGs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    limited: bool,
    #[serde(default)]
    unreadable: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unavailable: Vec<FileUnavailable>,
    #[serde(default)]
    facts: FileFacts,
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    details: Details,
    /// Why a fact was not checked, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    not_checked: BTreeMap<String, String>,
    #[serde(default)]
    dags: Vec<FileDag>,
    #[serde(default, borrow)]
    runs: Vec<FileRun<'a>>,
}

fn default_name() -> String {
    "default".to_string()
}

#[derive(Deserialize, Serialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Live {
    #[default]
    Known,
    Partial,
    Unavailable,
}

/// A DAG that could not be asked for.
#[derive(Deserialize, Serialize)]
struct FileUnavailable {
    dag_id: String,
    reason: String,
}

#[derive(Deserialize, Serialize, Default)]
struct FileFacts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pools: Option<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<BTreeSet<String>>,
}

#[derive(Deserialize, Serialize)]
struct FileDag {
    dag_id: String,
    is_paused: Option<bool>,
    fileloc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_run_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_parsed: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct FileRun<'a> {
    dag_id: String,
    run_id: String,
    state: String,
    run_type: Option<String>,
    logical_date: Option<String>,
    start_date: Option<String>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    conf: Value,
    bundle_version: Option<String>,
    #[serde(default, borrow)]
    task_instances: Vec<FileTaskInstance<'a>>,
}

/// One of thousands: it borrows its texts, from the file or from the facts.
#[derive(Deserialize, Serialize)]
struct FileTaskInstance<'a> {
    #[serde(borrow)]
    task_id: Cow<'a, str>,
    map_index: i64,
    /// Required, though it may be null: "no state" and "not said" are different things.
    #[serde(borrow, deserialize_with = "present")]
    state: Option<Cow<'a, str>>,
    try_number: Option<i64>,
    #[serde(borrow)]
    operator: Option<Cow<'a, str>>,
    #[serde(borrow)]
    trigger: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    xcom_keys: Option<BTreeSet<String>>,
}

fn present<'a, 'de: 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'a, str>>, D::Error> {
    Option::deserialize(deserializer)
}

const POOLS: &str = "pools";
const VARIABLES: &str = "variables";
const CONNECTIONS: &str = "connections";
const XCOM_KEYS: &str = "xcom_keys";

impl<'a> FileInstance<'a> {
    fn facts(self) -> Result<Instance, RunsFileError> {
        let not_checked = self.not_checked;
        let answer = |name: &str, names: Option<BTreeSet<String>>| {
            names.map_or_else(|| Answer::NotChecked(why(&not_checked, name).into()), Answer::Checked)
        };
        let others = match self.live {
            Live::Known => Seen::Known(()),
            Live::Partial if self.limited => Seen::NotVisible,
            Live::Partial => {
                Seen::Unavailable(self.reason.unwrap_or_else(|| "not in the runs file, which is partial".to_string()))
            }
            Live::Unavailable => Seen::Unavailable(
                self.reason.unwrap_or_else(|| "the instance was unavailable when the runs file was made".to_string()),
            ),
        };
        let mut dags: BTreeMap<DagId, Seen<DagFacts>> = BTreeMap::new();
        if self.live != Live::Unavailable {
            for dag in self.dags {
                let next_run_after = time("next_run_after", dag.next_run_after)?;
                let last_parsed = time("last_parsed", dag.last_parsed)?;
                let (is_paused, fileloc) = (dag.is_paused, dag.fileloc);
                let facts = DagFacts { is_paused, fileloc, next_run_after, last_parsed, runs: Vec::new() };
                dags.insert(DagId::new(dag.dag_id), Seen::Known(facts));
            }
            let (mut texts, no_keys) = (Texts::default(), Arc::from(why(&not_checked, XCOM_KEYS)));
            let mut runs = self.runs;
            runs.sort_by(|a, b| (&a.dag_id, &a.run_id).cmp(&(&b.dag_id, &b.run_id)));
            for run in runs {
                // A run that is over is not in flight; any other word is.
                if matches!(run.state.as_str(), "success" | "failed") {
                    continue;
                }
                let (dag_id, run) = run.facts(&mut texts, &no_keys)?;
                if let Seen::Known(facts) = dags.entry(dag_id).or_insert_with(|| Seen::Known(DagFacts::default())) {
                    facts.runs.push(run);
                }
            }
            for dag in self.unavailable {
                dags.insert(DagId::new(dag.dag_id), Seen::Unavailable(dag.reason));
            }
            for dag_id in self.unreadable {
                dags.insert(DagId::new(dag_id), Seen::NotVisible);
            }
        }
        Ok(Instance {
            name: InstanceName::new(self.name),
            version: self.airflow_version.as_deref().and_then(AirflowVersion::parse),
            dags,
            others,
            pools: answer(POOLS, self.facts.pools),
            variables: answer(VARIABLES, self.facts.variables),
            connections: answer(CONNECTIONS, self.facts.connections),
            details: self.details,
        })
    }

    fn of(instance: &'a Instance, values: Values) -> Self {
        let (live, reason) = match &instance.others {
            Seen::Known(()) => (Live::Known, None),
            Seen::NotVisible => (Live::Partial, None),
            Seen::Unavailable(reason) if instance.dags.is_empty() => (Live::Unavailable, Some(reason.clone())),
            Seen::Unavailable(reason) => (Live::Partial, Some(reason.clone())),
        };
        let mut file = Self {
            name: instance.name.to_string(),
            airflow_version: instance.version.map(|version| version.to_string()),
            live,
            reason,
            limited: instance.others == Seen::NotVisible,
            unreadable: BTreeSet::new(),
            unavailable: Vec::new(),
            facts: FileFacts {
                pools: checked(&instance.pools),
                variables: checked(&instance.variables),
                connections: checked(&instance.connections),
            },
            details: instance.details.clone(),
            not_checked: BTreeMap::new(),
            dags: Vec::new(),
            runs: Vec::new(),
        };
        let facts = [(POOLS, &instance.pools), (VARIABLES, &instance.variables), (CONNECTIONS, &instance.connections)];
        for (name, answer) in facts {
            if let Answer::NotChecked(reason) = answer {
                file.not_checked.insert(name.to_string(), reason.to_string());
            }
        }
        for (dag_id, seen) in &instance.dags {
            match seen {
                Seen::Known(dag) => file.dag(dag_id, dag, values),
                Seen::NotVisible => {
                    file.unreadable.insert(dag_id.to_string());
                }
                Seen::Unavailable(reason) => {
                    file.unavailable.push(FileUnavailable { dag_id: dag_id.to_string(), reason: reason.clone() });
                }
            }
        }
        file
    }

    fn dag(&mut self, dag_id: &DagId, dag: &'a DagFacts, values: Values) {
        self.dags.push(FileDag {
            dag_id: dag_id.to_string(),
            is_paused: dag.is_paused,
            fileloc: dag.fileloc.clone(),
            next_run_after: dag.next_run_after.map(|time| time.to_string()),
            last_parsed: dag.last_parsed.map(|time| time.to_string()),
        });
        for run in &dag.runs {
            // Whether keys were asked for is the same for all instances of one answer.
            let unasked = run.task_instances.iter().find_map(|instance| match &instance.xcom_keys {
                Answer::NotChecked(reason) => Some(reason),
                Answer::Checked(_) => None,
            });
            if let Some(reason) = unasked {
                self.not_checked.entry(XCOM_KEYS.to_string()).or_insert_with(|| reason.to_string());
            }
            self.runs.push(FileRun::of(dag_id, run, values));
        }
    }
}

/// The reason in the file, or that there is none.
fn why(not_checked: &BTreeMap<String, String>, name: &str) -> String {
    not_checked.get(name).cloned().unwrap_or_else(|| "not in the runs file".to_string())
}

fn checked(answer: &Answer<BTreeSet<String>>) -> Option<BTreeSet<String>> {
    match answer {
        Answer::Checked(names) => Some(names.clone()),
        Answer::NotChecked(_) => None,
    }
}

impl<'a> FileRun<'a> {
    fn facts(self, texts: &mut Texts, no_keys: &Arc<str>) -> Result<(DagId, Run), RunsFileError> {
        let run = Run {
            run_id: RunId::new(self.run_id),
            state: self.state,
            run_type: self.run_type,
            logical_date: time("logical_date", self.logical_date)?,
            start_date: time("start_date", self.start_date)?,
            bundle_version: self.bundle_version,
            conf: self.conf,
            task_instances: self.task_instances.into_iter().map(|instance| instance.facts(texts, no_keys)).collect(),
        };
        Ok((DagId::new(self.dag_id), run))
    }

    fn of(dag_id: &DagId, run: &'a Run, values: Values) -> Self {
        Self {
            dag_id: dag_id.to_string(),
            run_id: run.run_id.to_string(),
            state: run.state.clone(),
            run_type: run.run_type.clone(),
            logical_date: run.logical_date.map(|time| time.to_string()),
            start_date: run.start_date.map(|time| time.to_string()),
            conf: if values == Values::With { run.conf.clone() } else { Value::Null },
            bundle_version: run.bundle_version.clone(),
            task_instances: run.task_instances.iter().map(FileTaskInstance::of).collect(),
        }
    }
}

impl<'a> FileTaskInstance<'a> {
    fn facts(self, texts: &mut Texts, no_keys: &Arc<str>) -> TaskInstance {
        TaskInstance {
            task_id: TaskId::new(texts.one(&self.task_id)),
            map_index: MapIndex(self.map_index),
            state: TaskState::of(self.state.as_deref()),
            try_number: self.try_number,
            operator: self.operator.map(|operator| texts.one(&operator)),
            trigger: self.trigger.map(|trigger| texts.one(&trigger)),
            xcom_keys: self.xcom_keys.map_or_else(|| Answer::NotChecked(no_keys.clone()), Answer::Checked),
        }
    }

    fn of(instance: &'a TaskInstance) -> Self {
        Self {
            task_id: instance.task_id.as_str().into(),
            map_index: instance.map_index.0,
            state: instance.state.word().map(Cow::Borrowed),
            try_number: instance.try_number,
            operator: instance.operator.as_deref().map(Cow::Borrowed),
            trigger: instance.trigger.as_deref().map(Cow::Borrowed),
            xcom_keys: checked(&instance.xcom_keys),
        }
    }
}

fn time(field: &'static str, text: Option<String>) -> Result<Option<Timestamp>, RunsFileError> {
    text.map(|value| value.parse().map_err(|_| RunsFileError::Time { field, value })).transpose()
}

#[cfg(test)]
mod tests;
