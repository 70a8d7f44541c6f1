//! What is worth knowing and hurts no run: no verdict rests on it, and nothing is looked up for it.

use crate::ids::TaskId;

/// Something worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The code that tasks run is other code, and nothing that rests on it is. It is said where an
    /// instance in flight is still to run it.
    BodyChanged {
        /// The tasks.
        tasks: Vec<TaskId>,
        /// The functions whose code is other code, by name.
        functions: Vec<String>,
    },
    /// A new DAG is not paused when it is made, so that its schedule counts at once.
    StartsUnpaused {
        /// Its schedule, as it is written.
        schedule: String,
    },
    /// A DAG does not say when it runs: 2.x runs it daily, 3.x never.
    ScheduleImplicit {
        /// What it said before; none where it is new.
        before: Option<String>,
    },
    /// Not everything that was asked of the Airflows could be seen.
    NotSeen {
        /// Why, one sentence each.
        reasons: Vec<String>,
    },
    /// A run in flight holds what the proposed side defines and the deployed side does not: Airflow
    /// has read something newer than what is taken for deployed.
    BaselineBehind {
        /// The tasks; none: the DAG as a whole.
        tasks: Vec<TaskId>,
        /// The run that shows it.
        run: String,
    },
    /// The id of a DAG or task is another one at each parse.
    IdMoves {
        /// Whether it is that of the DAG.
        of_dag: bool,
        /// The task, as far as its id is known.
        task: Option<String>,
        /// What it is made of.
        why: String,
    },
    /// A file answers to a name by which another module is imported instead of it, or instead of which
    /// it is.
    ModuleHidden {
        /// The name by which it is imported.
        module: String,
        /// Which module is imported by that name.
        by: String,
    },
    /// A module became a package: a triggerer that has imported the module finds nothing below it.
    ModuleBecamePackage {
        /// The name by which it is imported.
        module: String,
        /// The trigger below it that a task defers itself with.
        loads: String,
        /// That task.
        task_id: TaskId,
    },
}

impl Notice {
    pub(super) const WORDS: &[&str] = &[
        "body-changed",
        "starts-unpaused",
        "schedule-implicit",
        "live-data-incomplete",
        "baseline-behind",
        "dag-id-moves",
        "task-id-moves",
        "module-hidden",
        "module-became-package",
    ];

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::BodyChanged { .. } => "body-changed",
            Self::StartsUnpaused { .. } => "starts-unpaused",
            Self::ScheduleImplicit { .. } => "schedule-implicit",
            Self::NotSeen { .. } => "live-data-incomplete",
            Self::BaselineBehind { .. } => "baseline-behind",
            Self::IdMoves { of_dag: true, .. } => "dag-id-moves",
            Self::IdMoves { .. } => "task-id-moves",
            Self::ModuleHidden { .. } => "module-hidden",
            Self::ModuleBecamePackage { .. } => "module-became-package",
        }
    }

    pub(super) fn subject(&self) -> Option<String> {
        match self {
            Self::BodyChanged { tasks, .. } | Self::BaselineBehind { tasks, .. } => {
                tasks.first().map(ToString::to_string)
            }
            Self::IdMoves { task, .. } => task.clone(),
            Self::StartsUnpaused { .. }
            | Self::ScheduleImplicit { .. }
            | Self::NotSeen { .. }
            | Self::ModuleHidden { .. } => None,
            Self::ModuleBecamePackage { task_id, .. } => Some(task_id.to_string()),
        }
    }

    pub(super) fn before(&self) -> String {
        match self {
            Self::BodyChanged { functions, .. } => some(functions),
            Self::ScheduleImplicit { before } => before.clone().unwrap_or_default(),
            Self::BaselineBehind { tasks, .. } if tasks.is_empty() => "the DAG".to_owned(),
            Self::BaselineBehind { tasks, .. } => format!("`{}`", some(tasks)),
            Self::ModuleHidden { module, .. } | Self::ModuleBecamePackage { module, .. } => module.clone(),
            Self::StartsUnpaused { .. } | Self::NotSeen { .. } | Self::IdMoves { .. } => String::new(),
        }
    }

    pub(super) fn after(&self) -> String {
        match self {
            Self::StartsUnpaused { schedule } => schedule.clone(),
            Self::NotSeen { reasons } => reasons.join("; "),
            Self::BaselineBehind { run, .. } => run.clone(),
            Self::IdMoves { why, .. } => why.clone(),
            Self::ModuleHidden { by, .. } => by.clone(),
            Self::ModuleBecamePackage { loads, .. } => loads.clone(),
            Self::BodyChanged { .. } | Self::ScheduleImplicit { .. } => String::new(),
        }
    }
}

/// The first of them, and how many there are besides.
fn some<T: ToString>(all: &[T]) -> String {
    let shown: Vec<String> = all.iter().take(3).map(ToString::to_string).collect();
    let more = if all.len() > 3 { format!(" and {} more", all.len() - 3) } else { String::new() };
    format!("{}{more}", shown.join("`, `"))
}
