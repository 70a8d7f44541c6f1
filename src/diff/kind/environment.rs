//! What a change needs of the Airflow that it runs on: pools, Variables, connections.

use crate::ids::{InstanceName, TaskId};

/// What a change names first and an Airflow has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Environment {
    /// A pool.
    PoolMissing {
        /// Its name.
        name: String,
        /// The tasks that are put into it.
        tasks: Vec<TaskId>,
        /// Where it was shown not to be; empty where nobody could be asked.
        on: Vec<InstanceName>,
        /// Whether that was shown, or only not looked up.
        shown: bool,
    },
    /// A pool that has fewer slots than one instance of a task takes.
    PoolTooSmall {
        /// Its name.
        name: String,
        /// The tasks that take more.
        tasks: Vec<TaskId>,
        /// How many slots an instance takes.
        takes: i64,
        /// How many the pool has.
        slots: i64,
        /// Where that was shown.
        on: Vec<InstanceName>,
    },
    /// A Variable.
    VariableMissing {
        /// Its key.
        name: String,
        /// The tasks that read it.
        tasks: Vec<TaskId>,
        /// Where it was shown not to be.
        on: Vec<InstanceName>,
        /// Whether it is read when the file is parsed, so that the file does not import without it.
        at_parse: bool,
    },
    /// A connection.
    ConnectionMissing {
        /// Its id.
        name: String,
        /// The tasks that use it.
        tasks: Vec<TaskId>,
        /// Where it was shown not to be.
        on: Vec<InstanceName>,
    },
}

impl Environment {
    pub(super) const WORDS: &[&str] = &["pool-missing", "pool-too-small", "variable-missing", "connection-missing"];

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::PoolMissing { .. } => "pool-missing",
            Self::PoolTooSmall { .. } => "pool-too-small",
            Self::VariableMissing { .. } => "variable-missing",
            Self::ConnectionMissing { .. } => "connection-missing",
        }
    }

    /// The tasks that need it.
    pub fn tasks(&self) -> &[TaskId] {
        match self {
            Self::PoolMissing { tasks, .. }
            | Self::PoolTooSmall { tasks, .. }
            | Self::VariableMissing { tasks, .. }
            | Self::ConnectionMissing { tasks, .. } => tasks,
        }
    }

    /// Where it is missing; empty: it may be missing anywhere.
    pub fn on(&self) -> &[InstanceName] {
        match self {
            Self::PoolMissing { on, .. }
            | Self::PoolTooSmall { on, .. }
            | Self::VariableMissing { on, .. }
            | Self::ConnectionMissing { on, .. } => on,
        }
    }

    pub(super) fn subject(&self) -> Option<String> {
        self.tasks().first().map(TaskId::to_string)
    }

    pub(super) fn before(&self) -> String {
        match self {
            Self::PoolMissing { name, .. }
            | Self::PoolTooSmall { name, .. }
            | Self::VariableMissing { name, .. }
            | Self::ConnectionMissing { name, .. } => name.clone(),
        }
    }

    pub(super) fn after(&self) -> String {
        let on: Vec<String> = self.on().iter().map(|name| format!("`{name}`")).collect();
        let on = if on.is_empty() { String::new() } else { format!(" on {}", on.join(", ")) };
        match self {
            Self::PoolMissing { shown: false, .. } => format!("is not known to exist{on}: it was not looked up"),
            Self::PoolTooSmall { takes, slots, .. } => format!("has {slots} slots{on}, and one instance takes {takes}"),
            _ => format!("does not exist{on}"),
        }
    }
}
