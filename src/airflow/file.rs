//! Runs in flight from a file instead of a server: what `dagguard snapshot` writes and `--runs`
//! reads. Only identities and states are required; what is absent was not checked.

use crate::facts::{Answer, DagFacts, Facts, Instance, Run, Seen, TaskInstance, TaskState};
use crate::ids::{AirflowVersion, DagId, InstanceName, MapIndex, RunId, TaskId};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
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
/// in `unreadable` is not visible, whatever else is said about it.
pub fn read_runs(bytes: &[u8]) -> Result<Facts, RunsFileError> {
    // The version decides how the rest is read, so it is looked at alone and first.
    let Header { schema_version } = serde_json::from_slice(bytes)?;
    if schema_version != SCHEMA_VERSION {
        return Err(RunsFileError::SchemaVersion(schema_version));
    }
    let file: File = serde_json::from_slice(bytes)?;
    let taken_at = time("taken_at", file.taken_at)?;
    let instances = file.instances.into_iter().map(FileInstance::facts).collect::<Result<_, _>>()?;
    Ok(Facts { taken_at, instances })
}

#[derive(Deserialize)]
struct Header {
    #[serde(default = "schema_version")]
    schema_version: u64,
}

fn schema_version() -> u64 {
    SCHEMA_VERSION
}

#[derive(Deserialize)]
struct File {
    taken_at: Option<String>,
    instances: Vec<FileInstance>,
}

#[derive(Deserialize)]
struct FileInstance {
    #[serde(default = "default_name")]
    name: String,
    airflow_version: Option<String>,
    #[serde(default)]
    live: Live,
    #[serde(default)]
    unreadable: BTreeSet<String>,
    #[serde(default)]
    facts: FileFacts,
    #[serde(default)]
    dags: Vec<FileDag>,
    #[serde(default)]
    runs: Vec<FileRun>,
}

fn default_name() -> String {
    "default".to_string()
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Live {
    #[default]
    Known,
    Partial,
    Unavailable,
}

#[derive(Deserialize, Default)]
struct FileFacts {
    pools: Option<BTreeSet<String>>,
    variables: Option<BTreeSet<String>>,
    connections: Option<BTreeSet<String>>,
}

#[derive(Deserialize)]
struct FileDag {
    dag_id: String,
    is_paused: Option<bool>,
    fileloc: Option<String>,
    next_run_after: Option<String>,
}

#[derive(Deserialize)]
struct FileRun {
    dag_id: String,
    run_id: String,
    state: String,
    run_type: Option<String>,
    logical_date: Option<String>,
    start_date: Option<String>,
    bundle_version: Option<String>,
    #[serde(default)]
    conf: Value,
    #[serde(default)]
    task_instances: Vec<FileTaskInstance>,
}

#[derive(Deserialize)]
struct FileTaskInstance {
    task_id: String,
    map_index: i64,
    /// Required, though it may be null: "no state" and "not said" are different things.
    #[serde(deserialize_with = "present")]
    state: Option<String>,
    try_number: Option<i64>,
    operator: Option<String>,
    trigger: Option<String>,
    xcom_keys: Option<BTreeSet<String>>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

impl FileInstance {
    fn facts(self) -> Result<Instance, RunsFileError> {
        let name = InstanceName::new(self.name);
        let version = self.airflow_version.as_deref().and_then(AirflowVersion::parse);
        if matches!(self.live, Live::Unavailable) {
            let mut instance = Instance::unavailable(name, "the instance was unavailable when the runs file was made");
            instance.version = version;
            return Ok(instance);
        }
        let mut dags: BTreeMap<DagId, Seen<DagFacts>> = BTreeMap::new();
        for dag in self.dags {
            let next_run_after = time("next_run_after", dag.next_run_after)?;
            let facts = DagFacts { is_paused: dag.is_paused, fileloc: dag.fileloc, next_run_after, runs: Vec::new() };
            dags.insert(DagId::new(dag.dag_id), Seen::Known(facts));
        }
        let mut runs = self.runs;
        runs.sort_by(|a, b| (&a.dag_id, &a.run_id).cmp(&(&b.dag_id, &b.run_id)));
        for run in runs {
            // A run that is over is not in flight; any other word is.
            if matches!(run.state.as_str(), "success" | "failed") {
                continue;
            }
            let (dag_id, run) = run.facts()?;
            if let Seen::Known(facts) = dags.entry(dag_id).or_insert_with(|| Seen::Known(DagFacts::default())) {
                facts.runs.push(run);
            }
        }
        for dag_id in self.unreadable {
            dags.insert(DagId::new(dag_id), Seen::NotVisible);
        }
        let others = match self.live {
            Live::Known => Seen::Known(()),
            Live::Partial | Live::Unavailable => {
                Seen::Unavailable("not in the runs file, which is partial".to_string())
            }
        };
        Ok(Instance {
            name,
            version,
            dags,
            others,
            pools: answer(self.facts.pools),
            variables: answer(self.facts.variables),
            connections: answer(self.facts.connections),
        })
    }
}

impl FileRun {
    fn facts(self) -> Result<(DagId, Run), RunsFileError> {
        let run = Run {
            run_id: RunId::new(self.run_id),
            state: self.state,
            run_type: self.run_type,
            logical_date: time("logical_date", self.logical_date)?,
            start_date: time("start_date", self.start_date)?,
            bundle_version: self.bundle_version,
            conf: self.conf,
            task_instances: self.task_instances.into_iter().map(FileTaskInstance::facts).collect(),
        };
        Ok((DagId::new(self.dag_id), run))
    }
}

impl FileTaskInstance {
    fn facts(self) -> TaskInstance {
        TaskInstance {
            task_id: TaskId::new(self.task_id),
            map_index: MapIndex(self.map_index),
            state: TaskState::of(self.state.as_deref()),
            try_number: self.try_number,
            operator: self.operator,
            trigger: self.trigger,
            xcom_keys: answer(self.xcom_keys),
        }
    }
}

fn answer(names: Option<BTreeSet<String>>) -> Answer<BTreeSet<String>> {
    names.map_or_else(|| Answer::NotChecked("not in the runs file".to_string()), Answer::Checked)
}

fn time(field: &'static str, text: Option<String>) -> Result<Option<Timestamp>, RunsFileError> {
    text.map(|value| value.parse().map_err(|_| RunsFileError::Time { field, value })).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_and_states_are_enough() {
        let facts = read_runs(
            br#"{"instances": [{"runs": [{"dag_id": "d", "run_id": "r", "state": "running",
                "task_instances": [{"task_id": "g.t", "map_index": 3, "state": null}]}]}]}"#,
        )
        .expect("the least there can be");
        let instance = &facts.instances[0];
        assert_eq!(instance.name.as_str(), "default");
        let Seen::Known(dag) = instance.dag(&DagId::from("d")) else { panic!("{instance:?}") };
        assert_eq!(dag.runs[0].task_instances[0].map_index, MapIndex(3));
        assert_eq!(dag.runs[0].task_instances[0].state, TaskState::NoStatus);
        assert!(matches!(dag.runs[0].task_instances[0].xcom_keys, Answer::NotChecked(_)));
        assert!(matches!(instance.pools, Answer::NotChecked(_)));
        assert_eq!(instance.dag(&DagId::from("another")), Seen::Known(&DagFacts::default()));
    }

    #[test]
    fn the_whole_shape_is_read() {
        let facts = read_runs(
            br#"{"schema_version": 1, "taken_at": "2026-01-01T00:00:00Z", "instances": [
                {"name": "prod", "airflow_version": "2.11.2", "live": "known", "unreadable": ["secret"],
                 "facts": {"pools": ["default_pool"]},
                 "dags": [{"dag_id": "d", "is_paused": true, "fileloc": "dags/x.py"}, {"dag_id": "secret"}],
                 "runs": [{"dag_id": "d", "run_id": "done", "state": "success"},
                          {"dag_id": "d", "run_id": "r", "state": "odd", "run_type": "manual", "logical_date": null,
                           "conf": {"a": 1}, "bundle_version": "abc", "new_member": 1,
                           "task_instances": [{"task_id": "t", "map_index": -1, "state": "deferred", "try_number": 2,
                             "operator": "X", "trigger": "a.B", "xcom_keys": ["k"]}]}]}]}"#,
        )
        .expect("the shape of the contract");
        assert_eq!(facts.taken_at.map(|time| time.to_string()).as_deref(), Some("2026-01-01T00:00:00Z"));
        let instance = &facts.instances[0];
        assert_eq!(instance.version.map(|version| version.to_string()).as_deref(), Some("2.11.2"));
        assert_eq!(instance.dag(&DagId::from("secret")), Seen::NotVisible);
        assert_eq!(instance.pools, Answer::Checked(BTreeSet::from(["default_pool".to_string()])));
        let Seen::Known(dag) = instance.dag(&DagId::from("d")) else { panic!("{instance:?}") };
        assert_eq!((dag.is_paused, dag.fileloc.as_deref()), (Some(true), Some("dags/x.py")));
        assert_eq!(dag.runs.len(), 1, "a finished run is not in flight, one of an unknown state is");
        assert_eq!(dag.runs[0].task_instances[0].trigger.as_deref(), Some("a.B"));
    }

    #[test]
    fn what_was_not_seen_is_not_idle() {
        for (live, words) in [("partial", "partial"), ("unavailable", "unavailable")] {
            let text = format!(
                r#"{{"instances": [{{"live": "{live}", "runs": [{{"dag_id": "d", "run_id": "r", "state": "queued"}}]}}]}}"#
            );
            let facts = read_runs(text.as_bytes()).expect(live);
            let Seen::Unavailable(reason) = facts.instances[0].dag(&DagId::from("other")) else { panic!("{facts:?}") };
            assert!(reason.contains(words), "{reason}");
        }
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (text, words) in [
            (r#"{"schema_version": 2, "whatever": []}"#, "not known (known: 1): `2`"),
            ("{", "line 1"),
            (r#"{"instances": [{"runs": [{"dag_id": "d", "run_id": "r"}]}]}"#, "missing field `state`"),
            (
                r#"{"instances": [{"runs": [{"dag_id": "d", "run_id": "r", "state": "running",
                "task_instances": [{"task_id": "t", "map_index": 0}]}]}]}"#,
                "missing field `state`",
            ),
            (r#"{"taken_at": "yesterday", "instances": []}"#, "in `taken_at`"),
            (r#"{"instances": [{"live": "perhaps"}]}"#, "perhaps"),
        ] {
            let error = read_runs(text.as_bytes()).expect_err(text).to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
