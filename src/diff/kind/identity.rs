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
        /// How alike the two are in what they do and where they stand, of 100.
        alike: u8,
    },
    /// A task's id is new, and so is its work.
    TaskAdded {
        /// Its id.
        task_id: TaskId,
    },
    /// A task's id is new to the deployed side, and a run in flight has lost a task of that id in an
    /// earlier change. Only live facts show that.
    TaskRestored {
        /// Its id.
        task_id: TaskId,
    },
    /// Ids of both sides mean other work than they did: they count calls or elements, of which one
    /// came, went or moved, or they changed places.
    IdsShifted {
        /// Whether Airflow counts them (`f`, `f__1`: calls of one `@task` or `@task_group` function);
        /// else the text gives them.
        counted: bool,
        /// Work that goes on under another id: its deployed and its proposed id.
        moved: Vec<(TaskId, TaskId)>,
        /// Ids of both sides whose proposed work is new.
        fresh: Vec<TaskId>,
        /// Ids of both sides whose deployed work nothing does any more.
        ended: Vec<TaskId>,
    },
    /// A task keeps its id and is of another operator.
    OperatorChanged {
        /// Its id.
        task_id: TaskId,
        /// Its deployed operator.
        before: String,
        /// Its proposed operator.
        after: String,
    },
    /// A group's id, nesting or `prefix_group_id` changed, or it came around tasks, and with it the ids of
    /// its members.
    GroupChanged {
        /// The deployed group; none for tasks that were in no group.
        from: Option<GroupId>,
        /// Where its members went; none for the root.
        to: Option<GroupId>,
        /// Deployed and proposed id of each member.
        members: Vec<(TaskId, TaskId)>,
        /// What knows the members by their deployed ids.
        known: KnownBy,
    },
    /// No file defines the DAG any more.
    DagRemoved {
        /// The `.airflowignore` that hides its file now, where nothing else changed of it.
        hidden_by: Option<ContentPath>,
    },
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
    /// Two files define the DAG that one defined: Airflow takes whichever it reads last.
    DagDuplicated {
        /// The file that keeps it, or the first of them.
        first: ContentPath,
        /// The other one.
        second: ContentPath,
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
    pub(super) const WORDS: &[&str] = &[
        "task-removed",
        "task-renamed",
        "task-added",
        "task-restored",
        "auto-ids-shifted",
        "ids-shifted",
        "operator-changed",
        "group-changed",
        "dag-removed",
        "dag-renamed",
        "dag-file-moved",
        "dag-duplicated",
    ];

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::TaskRemoved { .. } => "task-removed",
            Self::TaskRenamed { .. } => "task-renamed",
            Self::TaskAdded { .. } => "task-added",
            Self::TaskRestored { .. } => "task-restored",
            Self::IdsShifted { counted: true, .. } => "auto-ids-shifted",
            Self::IdsShifted { counted: false, .. } => "ids-shifted",
            Self::OperatorChanged { .. } => "operator-changed",
            Self::GroupChanged { .. } => "group-changed",
            Self::DagRemoved { .. } => "dag-removed",
            Self::DagRenamed { .. } => "dag-renamed",
            Self::DagFileMoved { .. } => "dag-file-moved",
            Self::DagDuplicated { .. } => "dag-duplicated",
        }
    }

    pub(super) fn subject(&self) -> Option<String> {
        match self {
            Self::TaskRemoved { task_id }
            | Self::TaskAdded { task_id }
            | Self::TaskRestored { task_id }
            | Self::OperatorChanged { task_id, .. } => Some(task_id.to_string()),
            Self::TaskRenamed { from, .. } => Some(from.to_string()),
            Self::IdsShifted { moved, .. } => moved.first().map(|(from, _)| from.to_string()),
            Self::GroupChanged { from, to, .. } => from.as_ref().or(to.as_ref()).map(ToString::to_string),
            Self::DagRemoved { .. }
            | Self::DagRenamed { .. }
            | Self::DagFileMoved { .. }
            | Self::DagDuplicated { .. } => None,
        }
    }

    pub(super) fn before(&self) -> String {
        match self {
            Self::TaskRemoved { task_id } => task_id.to_string(),
            Self::TaskRenamed { from, .. } => from.to_string(),
            Self::IdsShifted { moved, .. } => moved.first().map(|(from, _)| from.to_string()).unwrap_or_default(),
            Self::OperatorChanged { before, .. } => before.clone(),
            Self::GroupChanged { from, to, .. } => {
                from.as_ref().or(to.as_ref()).map(ToString::to_string).unwrap_or_default()
            }
            Self::TaskAdded { .. } | Self::TaskRestored { .. } | Self::DagRemoved { .. } | Self::DagRenamed { .. } => {
                String::new()
            }
            Self::DagDuplicated { first, .. } => first.to_string(),
            Self::DagFileMoved { from, .. } => from.to_string(),
        }
    }

    pub(super) fn after(&self) -> String {
        match self {
            Self::TaskRemoved { .. } | Self::DagRemoved { hidden_by: None } => String::new(),
            Self::DagRemoved { hidden_by: Some(file) } => format!(": `{file}` hides its file"),
            Self::TaskRenamed { to, .. } => to.to_string(),
            Self::TaskAdded { task_id } | Self::TaskRestored { task_id } => task_id.to_string(),
            Self::IdsShifted { moved, .. } => self::moved(moved),
            Self::OperatorChanged { after, .. } => after.clone(),
            Self::DagDuplicated { second, .. } => second.to_string(),
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

/// Where work went, the first of it by name.
fn moved(moved: &[(TaskId, TaskId)]) -> String {
    let shown: Vec<String> = moved.iter().take(3).map(|(from, to)| format!("`{from}` is now `{to}`")).collect();
    let more = if moved.len() > 3 { format!(" and {} more", moved.len() - 3) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
