//! What tasks and groups are mapped over.

use crate::ids::{GroupId, TaskId};

/// What became of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappingChange {
    /// A literal list that tasks are mapped over has another length.
    CountChanged {
        /// The mapped task, or the mapped group and its members.
        subject: Mapped,
        /// Deployed number of instances.
        before: usize,
        /// Proposed number of instances.
        after: usize,
    },
    /// At some index that both sides have, a literal mapped list holds another element.
    ItemsChanged {
        /// The mapped task, or the mapped group and its members.
        subject: Mapped,
        /// Deployed element of each instance, in canonical text.
        before: Vec<String>,
        /// Proposed element of each instance.
        after: Vec<String>,
    },
}

/// What a mapping belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// A task with its own `expand`.
    Task(TaskId),
    /// A mapped group: every member has the group's instances.
    Group(GroupId, Vec<TaskId>),
}

impl Mapped {
    /// The tasks whose instances carry the map index.
    pub fn tasks(&self) -> &[TaskId] {
        match self {
            Self::Task(task_id) => std::slice::from_ref(task_id),
            Self::Group(_, members) => members,
        }
    }

    /// The id of the task or group.
    pub fn name(&self) -> &str {
        match self {
            Self::Task(task_id) => task_id.as_str(),
            Self::Group(group_id, _) => group_id.as_str(),
        }
    }
}

impl MappingChange {
    pub(super) const WORDS: &[&str] = &["map-count-changed", "map-items-changed"];

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::CountChanged { .. } => "map-count-changed",
            Self::ItemsChanged { .. } => "map-items-changed",
        }
    }

    pub(super) fn subject(&self) -> String {
        match self {
            Self::CountChanged { subject, .. } | Self::ItemsChanged { subject, .. } => subject.name().into(),
        }
    }

    pub(super) fn before(&self) -> String {
        match self {
            Self::CountChanged { before, .. } => before.to_string(),
            Self::ItemsChanged { before, .. } => list(before),
        }
    }

    pub(super) fn after(&self) -> String {
        match self {
            Self::CountChanged { after, .. } => after.to_string(),
            Self::ItemsChanged { after, .. } => list(after),
        }
    }
}

fn list(items: &[String]) -> String {
    let mut words: Vec<&str> = items.iter().take(4).map(String::as_str).collect();
    if items.len() > 4 {
        words.push("…");
    }
    format!("[{}]", words.join(", "))
}
