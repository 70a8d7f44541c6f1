//! What is known about the outside: which runs are in flight, and what else was asked.
//!
//! Invariants: silence is never idleness. A DAG is [`Seen::Known`] only if the credentials were
//! shown to read it; everything else carries its reason. Nothing here knows HTTP.

mod details;

pub use details::{Asset, Details, Extra, ImportError, LiveTask, OfDag, StoredType, StoredTypes, ValueKind};

use crate::content::Revision;
use crate::ids::{AirflowVersion, DagId, InstanceName, MapIndex, RunId, TaskId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What must be looked up, on every configured instance, before a change can be judged; the edges
/// answer it with [`Facts`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Questions {
    /// DAGs whose runs in flight decide: every DAG that the change touches.
    pub dags: BTreeSet<DagId>,
    /// A touched DAG has an id that the text does not hold: all runs in flight are needed.
    pub all_dags: bool,
    /// Whether DAGs are wanted with their files and their next runs, which no verdict needs.
    pub describe: Describe,
    /// Stored XComs whose type would settle a finding; optional, a verdict can do without.
    pub values: BTreeSet<StoredValue>,
    /// Names whose existence would settle a finding; optional as well.
    pub names: Names,
    /// What else is wanted to be known; optional as well.
    pub extras: BTreeSet<Extra>,
    /// Commits to which runs are pinned (Airflow 3, versioned bundles) and whose source is needed.
    pub commits: BTreeSet<Revision>,
}

impl Names {
    /// Whether there is no name at all.
    pub fn is_empty(&self) -> bool {
        self.pools.is_empty() && self.variables.is_empty() && self.connections.is_empty()
    }
}

impl Questions {
    /// Whether nothing needs to be asked; a value or a name alone is never needed.
    pub fn is_empty(&self) -> bool {
        self.dags.is_empty() && !self.all_dags && self.commits.is_empty()
    }
}

/// How much may be asked to describe DAGs (file, pause, next run).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Describe {
    /// Nothing: what comes along with the proof that a DAG can be read is kept.
    #[default]
    No,
    /// All of them or none: as far as it does not cost an instance more calls than its budget.
    Cheaply,
    /// All of them, whatever it costs.
    All,
}

/// Names that the text uses and that must exist where it runs; values are never asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Of pools.
    pub pools: BTreeSet<String>,
    /// Keys of Variables. One that a secrets backend or the environment supplies is not seen, so
    /// that a missing one is a hint and no proof.
    pub variables: BTreeSet<String>,
    /// Ids of connections; the same holds for them.
    pub connections: BTreeSet<String>,
}

/// An XCom as it is stored for each run in flight.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StoredValue {
    /// The DAG of the producer.
    pub dag_id: DagId,
    /// The task that stored it.
    pub task_id: TaskId,
    /// Its key, `return_value` for what a callable returns.
    pub key: String,
}

/// The answers, per Airflow instance. No instance at all means that none is configured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// When the first answer was given; ages are reckoned from here.
    pub taken_at: Option<Timestamp>,
    /// One entry for each configured instance, reached or not.
    pub instances: Vec<Instance>,
}

/// What one Airflow instance said.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Its name in the configuration.
    pub name: InstanceName,
    /// Its version, if it said so.
    pub version: Option<AirflowVersion>,
    /// The DAGs that were asked for, and any other that was seen.
    pub dags: BTreeMap<DagId, Seen<DagFacts>>,
    /// What it means that a DAG is not in `dags`: `Known(())`, it has no runs (the snapshot is
    /// complete); otherwise why nothing is known about it.
    pub others: Seen<()>,
    /// Names of pools that exist, of those that were asked for.
    pub pools: Answer<BTreeSet<String>>,
    /// Names of Variables, likewise; their values are never read.
    pub variables: Answer<BTreeSet<String>>,
    /// Names of connections, likewise; their values are never read.
    pub connections: Answer<BTreeSet<String>>,
    /// What else was asked for.
    pub details: Details,
}

impl Instance {
    /// An instance that gave no answer.
    pub fn unavailable(name: InstanceName, reason: impl Into<String>) -> Self {
        let not_asked = || Answer::NotChecked("the instance was not reached".into());
        Self {
            name,
            version: None,
            dags: BTreeMap::new(),
            others: Seen::Unavailable(reason.into()),
            pools: not_asked(),
            variables: not_asked(),
            connections: not_asked(),
            details: Details::default(),
        }
    }

    /// What is known about one DAG here.
    pub fn dag(&self, dag_id: &DagId) -> Seen<&DagFacts> {
        match self.dags.get(dag_id) {
            Some(Seen::Known(facts)) => Seen::Known(facts),
            Some(Seen::NotVisible) => Seen::NotVisible,
            Some(Seen::Unavailable(reason)) => Seen::Unavailable(reason.clone()),
            None => match &self.others {
                Seen::Known(()) => Seen::Known(&NO_RUNS),
                Seen::NotVisible => Seen::NotVisible,
                Seen::Unavailable(reason) => Seen::Unavailable(reason.clone()),
            },
        }
    }
}

static NO_RUNS: DagFacts =
    DagFacts { is_paused: None, fileloc: None, next_run_after: None, last_parsed: None, runs: Vec::new() };

/// Whether something could be seen at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen<T> {
    /// It was read with credentials that may read it.
    Known(T),
    /// The server answered, but these credentials may not read it: an empty answer would prove
    /// nothing. (A DAG that the server was shown not to have is known, and has no runs.)
    NotVisible,
    /// The server could not be asked; with the reason, which names no secret.
    Unavailable(String),
}

/// An optional answer, which a verdict can do without if it says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer<T> {
    /// It was asked and answered.
    Checked(T),
    /// It was not, and why.
    NotChecked(Arc<str>),
}

/// One DAG as the instance has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DagFacts {
    /// Whether it is paused; its runs in flight count all the same (R62).
    pub is_paused: Option<bool>,
    /// The file as the server names it: absolute on 2.x, relative to its bundle on 3.x.
    pub fileloc: Option<String>,
    /// When the next run may be created, if it is scheduled.
    pub next_run_after: Option<Timestamp>,
    /// When its file was read last: whether a delivery has been seen.
    pub last_parsed: Option<Timestamp>,
    /// Runs in flight (running or queued), by `run_id`.
    pub runs: Vec<Run>,
}

/// A DagRun in flight.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its id.
    pub run_id: RunId,
    /// `running` or `queued`; the set is open, so the word is kept.
    pub state: String,
    /// `manual`, `scheduled`, …
    pub run_type: Option<String>,
    /// The logical date; null for some runs of Airflow 3.
    pub logical_date: Option<Timestamp>,
    /// When it started; none while queued.
    pub start_date: Option<Timestamp>,
    /// The bundle version that it is pinned to (Airflow 3 with a versioned bundle).
    pub bundle_version: Option<String>,
    /// `conf` as JSON, as it was given.
    pub conf: serde_json::Value,
    /// All its task instances, finished ones too: their XComs feed the rest.
    pub task_instances: Vec<TaskInstance>,
}

/// A task instance of a run in flight.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskInstance {
    /// Its task.
    pub task_id: TaskId,
    /// Its index, if mapped.
    pub map_index: MapIndex,
    /// Its state.
    pub state: TaskState,
    /// How often it was tried.
    pub try_number: Option<i64>,
    /// The operator's class name. Thousands of instances share a few names, so they share them.
    pub operator: Option<Arc<str>>,
    /// Class path of the trigger that it waits for, when deferred.
    pub trigger: Option<Arc<str>>,
    /// Keys of the XComs that it has stored.
    pub xcom_keys: Answer<BTreeSet<String>>,
}

/// States of a task instance; an open set (each release of Airflow has its own).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskState {
    /// `null`: created, not yet scheduled.
    NoStatus,
    /// `scheduled`
    Scheduled,
    /// `queued`
    Queued,
    /// `running`
    Running,
    /// `restarting`
    Restarting,
    /// `up_for_retry`
    UpForRetry,
    /// `up_for_reschedule`
    UpForReschedule,
    /// `deferred`
    Deferred,
    /// `success`
    Success,
    /// `failed`
    Failed,
    /// `skipped`
    Skipped,
    /// `upstream_failed`
    UpstreamFailed,
    /// `removed`: its task was not in the DAG at the last parse.
    Removed,
    /// A state that this program does not know (`shutdown` of 2.6, `awaiting_input` of 3.3, …):
    /// counts as in flight.
    Other(String),
}

/// How far a task instance has come; nearly every measured break turns on this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// Nothing of it has run: no state, scheduled or queued.
    NotStarted,
    /// It has started and is not done; a retry, a reschedule or a resumption starts it again.
    InProgress,
    /// It is done, unless somebody clears it.
    Finished,
    /// Its task had gone at the last parse; a task of that id brings it back.
    Removed,
}

impl TaskState {
    /// Reads the word of the API; `None` is JSON's null.
    pub fn of(word: Option<&str>) -> Self {
        match word {
            None | Some("none" | "no_status") => Self::NoStatus,
            Some("scheduled") => Self::Scheduled,
            Some("queued") => Self::Queued,
            Some("running") => Self::Running,
            Some("restarting") => Self::Restarting,
            Some("up_for_retry") => Self::UpForRetry,
            Some("up_for_reschedule") => Self::UpForReschedule,
            Some("deferred") => Self::Deferred,
            Some("success") => Self::Success,
            Some("failed") => Self::Failed,
            Some("skipped") => Self::Skipped,
            Some("upstream_failed") => Self::UpstreamFailed,
            Some("removed") => Self::Removed,
            Some(other) => Self::Other(other.to_string()),
        }
    }

    /// The word of the API; `None` is JSON's null.
    pub fn word(&self) -> Option<&str> {
        Some(match self {
            Self::NoStatus => return None,
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::UpForRetry => "up_for_retry",
            Self::UpForReschedule => "up_for_reschedule",
            Self::Deferred => "deferred",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::UpstreamFailed => "upstream_failed",
            Self::Removed => "removed",
            Self::Other(word) => word,
        })
    }

    /// How far an instance in this state has come.
    pub fn progress(&self) -> Progress {
        match self {
            Self::NoStatus | Self::Scheduled | Self::Queued => Progress::NotStarted,
            Self::Running
            | Self::Restarting
            | Self::UpForRetry
            | Self::UpForReschedule
            | Self::Deferred
            | Self::Other(_) => Progress::InProgress,
            Self::Success | Self::Failed | Self::Skipped | Self::UpstreamFailed => Progress::Finished,
            Self::Removed => Progress::Removed,
        }
    }
}
