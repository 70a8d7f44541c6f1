//! What is named beyond the DAG: other DAGs, assets, pools, connections.

use crate::ids::{DagId, TaskId};

/// What became of what is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A sensor waits for a task, a group or a DAG that the proposed tree does not have any more.
    SensorTargetMissing {
        /// The sensor.
        task_id: TaskId,
        /// The DAG that it waits for.
        dag_id: DagId,
        /// The task or group there; none for the DAG as a whole.
        target: Option<String>,
        /// Whether that DAG is gone as a whole.
        whole: bool,
        /// Whether it asks first if the target exists, and fails if not (`check_existence`).
        checks: bool,
    },
    /// A sensor waits for runs of another DAG that its schedule does not make any more.
    SchedulesApart {
        /// The sensor.
        task_id: TaskId,
        /// The DAG that it waits for.
        dag_id: DagId,
        /// A run of it that is waited for and not made, and what it runs by.
        why: String,
    },
    /// A task triggers a DAG that the proposed tree does not have any more.
    TriggerTargetMissing {
        /// The task that triggers.
        task_id: TaskId,
        /// The DAG.
        dag_id: DagId,
        /// Whether it waits until the run that it triggered has ended.
        waits: bool,
        /// Whether the deployed tree had it.
        had: bool,
    },
    /// A task does not update an asset (a dataset) any more that other DAGs wait for.
    OutletGone {
        /// The task.
        task_id: TaskId,
        /// The asset.
        uri: String,
        /// The DAGs that wait for it in the proposed tree.
        consumers: Vec<DagId>,
    },
}

impl Reference {
    pub(super) const WORDS: &[&str] =
        &["external-task-target-missing", "schedules-apart", "trigger-dagrun-target-missing", "asset-outlet-gone"];

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::SensorTargetMissing { .. } => "external-task-target-missing",
            Self::SchedulesApart { .. } => "schedules-apart",
            Self::TriggerTargetMissing { .. } => "trigger-dagrun-target-missing",
            Self::OutletGone { .. } => "asset-outlet-gone",
        }
    }

    pub(super) fn subject(&self) -> String {
        match self {
            Self::SensorTargetMissing { task_id, .. }
            | Self::SchedulesApart { task_id, .. }
            | Self::TriggerTargetMissing { task_id, .. }
            | Self::OutletGone { task_id, .. } => task_id.to_string(),
        }
    }

    pub(super) fn before(&self) -> String {
        match self {
            Self::SensorTargetMissing { dag_id, target: Some(target), .. } => format!("{dag_id}.{target}"),
            Self::SensorTargetMissing { dag_id, .. }
            | Self::SchedulesApart { dag_id, .. }
            | Self::TriggerTargetMissing { dag_id, .. } => dag_id.to_string(),
            Self::OutletGone { uri, .. } => uri.clone(),
        }
    }

    pub(super) fn after(&self) -> String {
        match self {
            Self::SensorTargetMissing { .. } | Self::TriggerTargetMissing { .. } => String::new(),
            Self::SchedulesApart { why, .. } => why.clone(),
            Self::OutletGone { consumers, .. } => {
                consumers.iter().map(ToString::to_string).collect::<Vec<_>>().join("`, `")
            }
        }
    }
}
