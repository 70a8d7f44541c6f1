//! Options of tasks and DAGs: limits, retries, pools, schedules.

use crate::ids::TaskId;
use jiff::civil::DateTime;

/// What became of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settings {
    /// A task is tried less often.
    RetriesLowered {
        /// The task.
        task_id: TaskId,
        /// Deployed number of retries.
        before: i64,
        /// Proposed number.
        after: i64,
    },
    /// A task has less time.
    ExecutionTimeoutLowered {
        /// The task.
        task_id: TaskId,
        /// Deployed limit in seconds; none: no limit.
        before: Option<i64>,
        /// Proposed limit in seconds.
        after: i64,
    },
    /// A sensor gives up sooner.
    SensorTimeoutLowered {
        /// The task.
        task_id: TaskId,
        /// Deployed limit in seconds; none: Airflow's own, a week.
        before: Option<i64>,
        /// Proposed limit in seconds.
        after: i64,
    },
    /// Nothing with a later date runs any more.
    EndDateMoved {
        /// The task; none: the DAG.
        task_id: Option<TaskId>,
        /// Deployed date, without its zone; none: there is no end.
        before: Option<DateTime>,
        /// Proposed date.
        after: DateTime,
    },
    /// A run has less time.
    DagrunTimeoutLowered {
        /// Deployed limit in seconds; none: no limit.
        before: Option<i64>,
        /// Proposed limit in seconds; none where it is not known.
        after: Option<i64>,
    },
    /// Where or how soon a task is run.
    PlaceChanged {
        /// The task.
        task_id: TaskId,
        /// `pool`, `queue`, `priority_weight`, …
        option: &'static str,
        /// Deployed value.
        before: String,
        /// Proposed value.
        after: String,
    },
    /// A limit of instances at a time lets none of them start.
    NothingStarts {
        /// The task; none: all of the DAG.
        task_id: Option<TaskId>,
        /// `max_active_tasks`, `max_active_tis_per_dag`, …
        option: &'static str,
        /// Deployed limit; none: Airflow's own.
        before: Option<i64>,
        /// Proposed limit.
        after: i64,
    },
    /// Nobody is told any more.
    CallbackRemoved {
        /// The task; none: the DAG.
        task_id: Option<TaskId>,
        /// `on_failure_callback`, …
        callback: &'static str,
    },
    /// When runs are created.
    ScheduleChanged {
        /// Deployed options, as they are written.
        before: String,
        /// Proposed options.
        after: String,
    },
    /// The start date is another one at each parse.
    StartDateMoves {
        /// What it is made of.
        text: String,
    },
    /// Fewer runs at a time.
    MaxActiveRunsLowered {
        /// Deployed number; none: Airflow's own.
        before: Option<i64>,
        /// Proposed number.
        after: i64,
    },
    /// Runs for the past would be created at once.
    RunsForThePast {
        /// How many; as many as are counted at most, where there are more.
        runs: usize,
        /// Since when.
        since: String,
        /// The options that say so.
        schedule: String,
    },
}

impl Settings {
    pub(super) const WORDS: &[&str] = &[
        "retries-lowered",
        "execution-timeout-lowered",
        "sensor-timeout-lowered",
        "end-date-moved",
        "dagrun-timeout-lowered",
        "place-changed",
        "nothing-starts",
        "callback-removed",
        "schedule-changed",
        "start-date-moves",
        "max-active-runs-lowered",
        "runs-for-the-past",
    ];

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::RetriesLowered { .. } => "retries-lowered",
            Self::ExecutionTimeoutLowered { .. } => "execution-timeout-lowered",
            Self::SensorTimeoutLowered { .. } => "sensor-timeout-lowered",
            Self::EndDateMoved { .. } => "end-date-moved",
            Self::DagrunTimeoutLowered { .. } => "dagrun-timeout-lowered",
            Self::PlaceChanged { .. } => "place-changed",
            Self::NothingStarts { .. } => "nothing-starts",
            Self::CallbackRemoved { .. } => "callback-removed",
            Self::ScheduleChanged { .. } => "schedule-changed",
            Self::StartDateMoves { .. } => "start-date-moves",
            Self::MaxActiveRunsLowered { .. } => "max-active-runs-lowered",
            Self::RunsForThePast { .. } => "runs-for-the-past",
        }
    }

    pub(super) fn subject(&self) -> Option<String> {
        match self {
            Self::RetriesLowered { task_id, .. }
            | Self::ExecutionTimeoutLowered { task_id, .. }
            | Self::SensorTimeoutLowered { task_id, .. }
            | Self::PlaceChanged { task_id, .. } => Some(task_id.to_string()),
            Self::CallbackRemoved { task_id, .. }
            | Self::EndDateMoved { task_id, .. }
            | Self::NothingStarts { task_id, .. } => task_id.as_ref().map(TaskId::to_string),
            Self::DagrunTimeoutLowered { .. }
            | Self::ScheduleChanged { .. }
            | Self::StartDateMoves { .. }
            | Self::MaxActiveRunsLowered { .. }
            | Self::RunsForThePast { .. } => None,
        }
    }

    pub(super) fn before(&self) -> String {
        match self {
            Self::RetriesLowered { before, .. } => before.to_string(),
            Self::ExecutionTimeoutLowered { before, .. } | Self::DagrunTimeoutLowered { before, .. } => {
                before.map_or_else(|| "no limit".to_string(), span)
            }
            Self::SensorTimeoutLowered { before, .. } => before.map_or_else(|| "a week".to_string(), span),
            Self::EndDateMoved { before, .. } => before.map_or_else(|| "no end".to_string(), |date| date.to_string()),
            Self::PlaceChanged { option, before, .. } => format!("{option} {before}"),
            Self::CallbackRemoved { callback, .. } => (*callback).to_string(),
            Self::ScheduleChanged { before, .. } => before.clone(),
            Self::MaxActiveRunsLowered { before, .. } => own(*before),
            Self::NothingStarts { option, before, .. } => format!("{option} {}", own(*before)),
            Self::StartDateMoves { .. } | Self::RunsForThePast { .. } => String::new(),
        }
    }

    pub(super) fn after(&self) -> String {
        match self {
            Self::RetriesLowered { after, .. }
            | Self::MaxActiveRunsLowered { after, .. }
            | Self::NothingStarts { after, .. } => after.to_string(),
            Self::ExecutionTimeoutLowered { after, .. } | Self::SensorTimeoutLowered { after, .. } => span(*after),
            Self::EndDateMoved { after, .. } => after.to_string(),
            Self::DagrunTimeoutLowered { after, .. } => after.map_or_else(|| "what is not known".to_string(), span),
            Self::PlaceChanged { after, .. } | Self::ScheduleChanged { after, .. } => after.clone(),
            Self::StartDateMoves { text } => text.clone(),
            Self::RunsForThePast { runs, since, .. } => format!("{runs} runs since {since}"),
            Self::CallbackRemoved { .. } => String::new(),
        }
    }
}

/// A limit as it is given; Airflow's own where it is not.
fn own(limit: Option<i64>) -> String {
    limit.map_or_else(|| "Airflow's own".to_string(), |limit| limit.to_string())
}

/// A number of seconds as people say it.
fn span(seconds: i64) -> String {
    let parts = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let words: Vec<String> =
        parts.iter().filter(|(value, _)| *value != 0).map(|(value, unit)| format!("{value} {unit}")).collect();
    if words.is_empty() { "0 s".to_string() } else { words.join(" ") }
}
