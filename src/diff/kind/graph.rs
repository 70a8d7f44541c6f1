//! Edges, trigger rules, setups and teardowns.

use crate::dag::Phase;
use crate::ids::TaskId;

/// What became of the order of tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Graph {
    /// A task comes after others that it did not come after, by any path.
    UpstreamAdded {
        /// The task that waits.
        task_id: TaskId,
        /// Proposed tasks that it newly waits for directly.
        upstream: Vec<TaskId>,
        /// Whether all of these are new themselves.
        new: bool,
    },
    /// A task does not come after others any more, by any path.
    UpstreamRemoved {
        /// The task that waited.
        task_id: TaskId,
        /// Tasks of both sides that it waited for.
        upstream: Vec<TaskId>,
        /// Those of them whose values it still takes or pulls.
        reads: Vec<TaskId>,
    },
    /// A task comes directly after others than before, although it comes after the same by some path: where a
    /// branch or a trigger rule looks at what is direct.
    DirectUpstreamChanged {
        /// The task.
        task_id: TaskId,
        /// What it came directly after and does not any more.
        before: Vec<TaskId>,
        /// What it comes directly after now.
        after: Vec<TaskId>,
        /// Tasks directly before it, on either side, that can skip themselves.
        skips: Vec<TaskId>,
    },
    /// Another trigger rule.
    TriggerRuleChanged {
        /// The task.
        task_id: TaskId,
        /// The deployed rule.
        before: String,
        /// The proposed rule.
        after: String,
        /// Tasks before it whose values it takes or pulls.
        reads: Vec<TaskId>,
        /// Tasks directly before it, on either side, that can skip themselves.
        skips: Vec<TaskId>,
    },
    /// A setup or teardown is a plain task now, or the other way round.
    PhaseChanged {
        /// The task.
        task_id: TaskId,
        /// What it was.
        before: Phase,
        /// What it is.
        after: Phase,
    },
    /// A task that stood in the graph stands alone.
    Disconnected {
        /// The task.
        task_id: TaskId,
    },
    /// A task waits for its own instance in the run before.
    DependsOnPast {
        /// The task.
        task_id: TaskId,
    },
}

impl Graph {
    pub(super) const WORDS: &[&str] = &[
        "upstream-added",
        "upstream-new",
        "upstream-removed",
        "direct-upstream-changed",
        "trigger-rule-changed",
        "phase-changed",
        "task-disconnected",
        "depends-on-past",
    ];

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::UpstreamAdded { new: false, .. } => "upstream-added",
            Self::UpstreamAdded { new: true, .. } => "upstream-new",
            Self::UpstreamRemoved { .. } => "upstream-removed",
            Self::DirectUpstreamChanged { .. } => "direct-upstream-changed",
            Self::TriggerRuleChanged { .. } => "trigger-rule-changed",
            Self::PhaseChanged { .. } => "phase-changed",
            Self::Disconnected { .. } => "task-disconnected",
            Self::DependsOnPast { .. } => "depends-on-past",
        }
    }

    pub(super) fn subject(&self) -> String {
        match self {
            Self::UpstreamAdded { task_id, .. }
            | Self::UpstreamRemoved { task_id, .. }
            | Self::DirectUpstreamChanged { task_id, .. }
            | Self::TriggerRuleChanged { task_id, .. }
            | Self::PhaseChanged { task_id, .. }
            | Self::Disconnected { task_id }
            | Self::DependsOnPast { task_id } => task_id.to_string(),
        }
    }

    pub(super) fn before(&self) -> String {
        match self {
            Self::UpstreamRemoved { upstream, .. } => ids(upstream),
            Self::TriggerRuleChanged { before, .. } => before.clone(),
            Self::PhaseChanged { before, .. } => before.word().to_owned(),
            Self::UpstreamAdded { .. }
            | Self::DirectUpstreamChanged { .. }
            | Self::Disconnected { .. }
            | Self::DependsOnPast { .. } => String::new(),
        }
    }

    pub(super) fn after(&self) -> String {
        match self {
            Self::UpstreamAdded { upstream, .. } => ids(upstream),
            Self::DirectUpstreamChanged { before, after, .. } => direct(before, after),
            Self::TriggerRuleChanged { after, .. } => after.clone(),
            Self::PhaseChanged { after, .. } => after.word().to_owned(),
            Self::UpstreamRemoved { .. } | Self::Disconnected { .. } | Self::DependsOnPast { .. } => String::new(),
        }
    }
}

/// What a task comes directly after now and did not, and what not any more.
fn direct(gone: &[TaskId], new: &[TaskId]) -> String {
    let told = |word: &str, all: &[TaskId]| (!all.is_empty()).then(|| format!("{word} {}", ids(all)));
    told("newly", new).into_iter().chain(told("no longer", gone)).collect::<Vec<_>>().join(", ")
}

/// The first ids.
fn ids(ids: &[TaskId]) -> String {
    let shown: Vec<String> = ids.iter().take(3).map(|id| format!("`{id}`")).collect();
    let more = if ids.len() > 3 { format!(" and {} more", ids.len() - 3) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
