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
    /// Tasks that were plain are mapped.
    MadeMapped {
        /// The mapped task, or the mapped group and its members.
        subject: Mapped,
        /// The tasks whose outputs they are mapped over; none for a list that is written out.
        producers: Vec<TaskId>,
    },
    /// Tasks that were mapped are plain.
    MadePlain {
        /// The task, or the group and its members.
        subject: Mapped,
    },
    /// The list of an argument comes from elsewhere: from an output where it was written out, the other
    /// way round, or from another task.
    SourceChanged {
        /// The mapped task, or the mapped group and its members.
        subject: Mapped,
        /// What gave it, in words.
        before: String,
        /// What gives it.
        after: String,
        /// Whether it was written out.
        was_literal: bool,
        /// The tasks whose outputs give it now; none for a list that is written out.
        producers: Vec<TaskId>,
    },
    /// The same tasks give the list, and something else is made of their outputs on the way (`map`, `zip`,
    /// `concat`, the order of their operands).
    TransformChanged {
        /// The mapped task, or the mapped group and its members.
        subject: Mapped,
        /// The mapped argument.
        argument: String,
        /// Whether the elements are the same in another order (the operands of `concat`).
        same_elements: bool,
    },
    /// Other arguments are mapped, or in another order, which is the order of counting.
    ArgumentsChanged {
        /// The mapped task, or the mapped group and its members.
        subject: Mapped,
        /// The deployed arguments, in order.
        before: Vec<String>,
        /// The proposed arguments.
        after: Vec<String>,
        /// Whether the values stay and only their names change.
        same_values: bool,
    },
    /// What all instances share (`partial`) changed.
    PartialChanged {
        /// The mapped task.
        subject: Mapped,
        /// The arguments that differ.
        arguments: Vec<String>,
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
    pub(super) const WORDS: &[&str] = &[
        "map-count-changed",
        "map-items-changed",
        "made-mapped",
        "made-plain",
        "map-source-changed",
        "map-transform-changed",
        "map-arguments-changed",
        "map-partial-changed",
    ];

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::CountChanged { .. } => "map-count-changed",
            Self::ItemsChanged { .. } => "map-items-changed",
            Self::MadeMapped { .. } => "made-mapped",
            Self::MadePlain { .. } => "made-plain",
            Self::SourceChanged { .. } => "map-source-changed",
            Self::TransformChanged { .. } => "map-transform-changed",
            Self::ArgumentsChanged { .. } => "map-arguments-changed",
            Self::PartialChanged { .. } => "map-partial-changed",
        }
    }

    /// The mapped task, or the mapped group and its members.
    pub fn mapped(&self) -> &Mapped {
        match self {
            Self::CountChanged { subject, .. }
            | Self::ItemsChanged { subject, .. }
            | Self::MadeMapped { subject, .. }
            | Self::MadePlain { subject }
            | Self::SourceChanged { subject, .. }
            | Self::TransformChanged { subject, .. }
            | Self::ArgumentsChanged { subject, .. }
            | Self::PartialChanged { subject, .. } => subject,
        }
    }

    pub(super) fn subject(&self) -> String {
        self.mapped().name().into()
    }

    pub(super) fn before(&self) -> String {
        match self {
            Self::CountChanged { before, .. } => before.to_string(),
            Self::ItemsChanged { before, .. } => list(before),
            Self::SourceChanged { before, .. } => before.clone(),
            Self::TransformChanged { argument, .. } => argument.clone(),
            Self::ArgumentsChanged { before, .. } => before.join(", "),
            Self::PartialChanged { arguments, .. } => arguments.join(", "),
            Self::MadeMapped { .. } | Self::MadePlain { .. } => String::new(),
        }
    }

    pub(super) fn after(&self) -> String {
        match self {
            Self::CountChanged { after, .. } => after.to_string(),
            Self::ItemsChanged { after, .. } => list(after),
            Self::SourceChanged { after, .. } => after.clone(),
            Self::ArgumentsChanged { after, .. } => after.join(", "),
            Self::MadeMapped { .. }
            | Self::MadePlain { .. }
            | Self::TransformChanged { .. }
            | Self::PartialChanged { .. } => String::new(),
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
