//! Ids of tasks, groups and DAGs, and what stands behind them.

use crate::content::ContentPath;
use crate::ids::{DagId, GroupId, TaskId};

/// What became of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A task's id is not there any more and nothing took its place.
    TaskRemoved {
        /// The id that is gone.
        task_id: TaskId,
    },
    /// A task goes on under another id.
    TaskRenamed {
        /// Its deployed id.
        from: TaskId,
        /// Its proposed id.
        to: TaskId,
        /// What knows the task by its deployed id.
        known: KnownBy,
    },
    /// A group's id, nesting or `prefix_group_id` changed, and with it the ids of its members.
    GroupChanged {
        /// The deployed group.
        from: GroupId,
        /// Where its members went; none for the root.
        to: Option<GroupId>,
        /// Deployed and proposed id of each member.
        members: Vec<(TaskId, TaskId)>,
        /// What knows the members by their deployed ids.
        known: KnownBy,
    },
    /// No file defines the DAG any more.
    DagRemoved,
    /// The DAG goes on under another id.
    DagRenamed {
        /// Its proposed id.
        to: DagId,
    },
    /// Another file defines the DAG.
    DagFileMoved {
        /// The deployed file.
        from: ContentPath,
        /// The proposed file.
        to: ContentPath,
    },
}

/// What knows renamed tasks by their deployed ids, so that a run misses them even before they have
/// started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownBy {
    /// Proposed tasks of the DAG whose code or arguments still hold a deployed id (a pull, a
    /// template).
    pub tasks: Vec<TaskId>,
    /// Proposed tasks of other DAGs that hold a deployed id and this DAG's (a sensor).
    pub elsewhere: Vec<(DagId, TaskId)>,
    /// Deployed branch tasks directly upstream: a choice that is made holds the deployed id.
    pub branches: Vec<TaskId>,
}

impl Identity {
    pub(super) const WORDS: &[&str] =
        &["task-removed", "task-renamed", "group-changed", "dag-removed", "dag-renamed", "dag-file-moved"];

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::TaskRemoved { .. } => "task-removed",
            Self::TaskRenamed { .. } => "task-renamed",
            Self::GroupChanged { .. } => "group-changed",
            Self::DagRemoved => "dag-removed",
            Self::DagRenamed { .. } => "dag-renamed",
            Self::DagFileMoved { .. } => "dag-file-moved",
        }
    }

    pub(super) fn subject(&self) -> Option<String> {
        match self {
            Self::TaskRemoved { task_id } => Some(task_id.to_string()),
            Self::TaskRenamed { from, .. } => Some(from.to_string()),
            Self::GroupChanged { from, .. } => Some(from.to_string()),
            Self::DagRemoved | Self::DagRenamed { .. } | Self::DagFileMoved { .. } => None,
        }
    }

    pub(super) fn before(&self) -> String {
        match self {
            Self::TaskRemoved { task_id } => task_id.to_string(),
            Self::TaskRenamed { from, .. } => from.to_string(),
            Self::GroupChanged { from, .. } => from.to_string(),
            Self::DagRemoved | Self::DagRenamed { .. } => String::new(),
            Self::DagFileMoved { from, .. } => from.to_string(),
        }
    }

    pub(super) fn after(&self) -> String {
        match self {
            Self::TaskRemoved { .. } | Self::DagRemoved => String::new(),
            Self::TaskRenamed { to, .. } => to.to_string(),
            Self::GroupChanged { members, .. } => self::members(members),
            Self::DagRenamed { to } => to.to_string(),
            Self::DagFileMoved { to, .. } => to.to_string(),
        }
    }
}

/// What became of the ids of a group's members, the first of them by name.
fn members(members: &[(TaskId, TaskId)]) -> String {
    let Some((from, to)) = members.first() else { return String::new() };
    let more = if members.len() > 1 { format!(" and {} more", members.len() - 1) } else { String::new() };
    format!("`{from}` becomes `{to}`{more}")
}
