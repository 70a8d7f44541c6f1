//! The shapes on the wire, as far as they are used, and their way into facts.
//!
//! Only what every release measured (2.6.2, 2.11.2, 3.3.2) has is required; a field of one
//! release alone is optional. Nothing outside the edge sees these types.

use crate::facts::{Answer, DagFacts, Run, TaskInstance, TaskState};
use crate::ids::{MapIndex, RunId, TaskId};
use jiff::Timestamp;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

/// `GET /version`.
#[derive(Deserialize)]
pub(super) struct Version {
    pub(super) version: String,
}

/// `POST /auth/token`.
#[derive(Deserialize)]
pub(super) struct Token {
    pub(super) access_token: String,
}

/// An error's body: `detail` is text or null on v1 (`application/problem+json`), text or a list
/// of complaints on v2.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Problem {
    pub(super) detail: serde_json::Value,
}

/// `GET /dags`.
#[derive(Deserialize)]
pub(super) struct DagList {
    pub(super) dags: Vec<Dag>,
    pub(super) total_entries: usize,
}

/// `GET /dags/{dag_id}`.
#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names are those on the wire")]
pub(super) struct Dag {
    pub(super) dag_id: String,
    is_paused: Option<bool>,
    fileloc: Option<String>,
    /// v2 only.
    relative_fileloc: Option<String>,
    last_parsed_time: Option<String>,
    /// v1.
    next_dagrun_create_after: Option<String>,
    /// v2.
    next_dagrun_run_after: Option<String>,
}

impl Dag {
    /// The DAG's facts, still without runs.
    pub(super) fn facts(self) -> DagFacts {
        DagFacts {
            is_paused: self.is_paused,
            fileloc: self.relative_fileloc.or(self.fileloc),
            next_run_after: timestamp(self.next_dagrun_run_after.or(self.next_dagrun_create_after).as_deref()),
            last_parsed: timestamp(self.last_parsed_time.as_deref()),
            runs: Vec::new(),
        }
    }
}

/// The list that `POST /dags/~/dagRuns/list` gives.
pub(super) const RUNS: &str = "dag_runs";

/// One DagRun.
#[derive(Deserialize, Clone)]
#[expect(clippy::struct_field_names, reason = "the names are those on the wire")]
pub(super) struct DagRun {
    pub(super) dag_id: String,
    pub(super) dag_run_id: String,
    pub(super) state: String,
    run_type: Option<String>,
    pub(super) logical_date: Option<String>,
    start_date: Option<String>,
    bundle_version: Option<String>,
    #[serde(default)]
    conf: serde_json::Value,
}

impl DagRun {
    /// The run's facts, still without task instances.
    pub(super) fn facts(self) -> Run {
        Run {
            run_id: RunId::new(self.dag_run_id),
            state: self.state,
            run_type: self.run_type,
            logical_date: timestamp(self.logical_date.as_deref()),
            start_date: timestamp(self.start_date.as_deref()),
            bundle_version: self.bundle_version,
            conf: self.conf,
            task_instances: Vec::new(),
        }
    }
}

/// The list that `POST /dags/~/dagRuns/~/taskInstances/list` gives.
pub(super) const TASK_INSTANCES: &str = "task_instances";

/// One task instance. There are thousands of them, so that its texts are those of the answer.
#[derive(Deserialize)]
pub(super) struct TaskInstanceRow<'a> {
    #[serde(borrow)]
    pub(super) dag_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) dag_run_id: Cow<'a, str>,
    #[serde(borrow)]
    task_id: Cow<'a, str>,
    map_index: i64,
    #[serde(borrow)]
    state: Option<Cow<'a, str>>,
    try_number: Option<i64>,
    #[serde(borrow)]
    operator: Option<Cow<'a, str>>,
    #[serde(borrow)]
    trigger: Option<Trigger<'a>>,
}

#[derive(Deserialize)]
struct Trigger<'a> {
    #[serde(borrow)]
    classpath: Cow<'a, str>,
}

/// Texts of which there are few and that stand in many rows: each is kept once.
#[derive(Default)]
pub(super) struct Texts(HashSet<Arc<str>>);

impl Texts {
    pub(super) fn one(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

impl TaskInstanceRow<'_> {
    /// The task instance's facts. XCom keys need a call each, so they are not asked here.
    pub(super) fn facts(self, texts: &mut Texts) -> TaskInstance {
        let state = TaskState::of(self.state.as_deref());
        if let TaskState::Other(word) = &state
            && !KNOWN_TO_ONE_RELEASE.contains(&word.as_str())
        {
            tracing::warn!(
                dag_id = %self.dag_id,
                run_id = %self.dag_run_id,
                task_id = %self.task_id,
                state = word,
                "task instance has a state that this program does not know; it counts as in flight"
            );
        }
        TaskInstance {
            task_id: TaskId::new(texts.one(&self.task_id)),
            map_index: MapIndex(self.map_index),
            state,
            try_number: self.try_number,
            operator: self.operator.map(|operator| texts.one(&operator)),
            trigger: self.trigger.map(|trigger| texts.one(&trigger.classpath)),
            xcom_keys: Answer::NotChecked(texts.one("not asked")),
        }
    }
}

/// States that are facts of one release (2.6, 3.3), not news.
const KNOWN_TO_ONE_RELEASE: [&str; 2] = ["shutdown", "awaiting_input"];

/// Reads a time stamp; none for what is none. Nothing rests on these but ages and forecasts.
pub(super) fn timestamp(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}
