//! Deployed DAGs beside proposed plugins: for the moment between two steps of a delivery, and for
//! as long as a run is pinned to its commit.

use crate::content::Area;
use crate::ids::TaskId;

/// What holds of the mixture alone, and of neither side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skew {
    /// For runs that are pinned to a bundle version: they keep the DAG file of their commit, and take
    /// the plugins as they are.
    Pinned(Mixture),
    /// On disk, until the delivery has gone on.
    Between {
        /// What the delivery has written last.
        after: Area,
        /// What holds meanwhile.
        mixture: Mixture,
    },
}

/// What goes wrong in a mixture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mixture {
    /// The function, file or trigger that it happens in.
    pub within: String,
    /// What Airflow or Python will say.
    pub why: String,
    /// Whom it meets.
    pub meets: Meets,
}

/// The instances that meet a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meets {
    /// All of a run: its DAG does not import.
    All,
    /// Those of these tasks, which the DAG does not make any more.
    Missing(Vec<TaskId>),
    /// Those of these tasks, which are mapped: the run keeps their number, and a worker takes what then stands
    /// at their index.
    Elements {
        /// The tasks.
        tasks: Vec<TaskId>,
        /// Deployed element of each instance, in canonical text.
        before: Vec<String>,
        /// What a worker takes for it.
        after: Vec<String>,
    },
    /// Those of these ids: a worker does other work under each than the run's commit has there.
    Meaning {
        /// Work that goes on under another id: its deployed and its proposed id.
        moved: Vec<(TaskId, TaskId)>,
        /// Ids of both sides whose proposed work is new.
        fresh: Vec<TaskId>,
    },
    /// Those of these tasks.
    Tasks {
        /// The tasks.
        tasks: Vec<TaskId>,
        /// When they start.
        at_start: bool,
        /// When they are deferred, and go on.
        at_resume: bool,
    },
}

impl Skew {
    pub(super) const WORDS: &[&str] = &["pinned-skew", "mid-sync-skew"];

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Pinned(_) => "pinned-skew",
            Self::Between { .. } => "mid-sync-skew",
        }
    }

    fn mixture(&self) -> &Mixture {
        match self {
            Self::Pinned(mixture) | Self::Between { mixture, .. } => mixture,
        }
    }

    pub(super) fn subject(&self) -> Option<String> {
        match &self.mixture().meets {
            Meets::All => None,
            Meets::Missing(tasks) | Meets::Elements { tasks, .. } | Meets::Tasks { tasks, .. } => {
                tasks.first().map(ToString::to_string)
            }
            Meets::Meaning { moved, fresh } => {
                moved.iter().map(|(_, to)| to).chain(fresh).min().map(ToString::to_string)
            }
        }
    }

    pub(super) fn before(&self) -> String {
        match self {
            Self::Pinned(mixture) => mixture.within.clone(),
            Self::Between { after, .. } => after.to_string(),
        }
    }

    pub(super) fn after(&self) -> String {
        self.mixture().why.clone()
    }
}
