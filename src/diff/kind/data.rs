//! Values that pass between tasks, choices of branches, and parameters of runs.

use crate::dag::Shape;
use crate::dag::exchange::Use;
use crate::ids::{DagId, TaskId};
use std::collections::BTreeMap;

/// What became of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A task returns a value of another type than a task that takes it can use.
    TypeChanged {
        /// Who hands it to whom.
        handover: Handover,
        /// What the deployed code returns.
        before: Shape,
        /// What the proposed code returns.
        after: Shape,
    },
    /// A dict that passes between tasks lacks a key that the reader reads.
    KeysChanged {
        /// Who hands it to whom.
        handover: Handover,
        /// What the deployed code returns.
        before: Shape,
        /// What the proposed code returns.
        after: Shape,
    },
    /// A reader asks of a value what it did not ask before, and the text does not say of what type the
    /// value is: only a stored one shows that.
    ReadChanged {
        /// Who hands it to whom.
        handover: Handover,
    },
    /// A reader asks more than before of a task that runs other code than before, and the text does not say
    /// what the deployed one returns.
    PairChanged {
        /// Who hands it to whom.
        handover: Handover,
    },
    /// A reader reads a key that it did not read before, and the text does not say which keys are stored:
    /// only those that a run has show that.
    KeyUnrecorded {
        /// Who hands it to whom.
        handover: Handover,
    },
    /// `multiple_outputs` is on on one side only: the parts of a dict are stored by key, or are not.
    LayoutChanged {
        /// Who hands it to whom.
        handover: Handover,
        /// Whether it is on in the deployed code.
        before: bool,
        /// Whether it is on in the proposed code.
        after: bool,
    },
    /// A value is stored under another key, or not under that one any more.
    KeyChanged {
        /// Who hands it to whom.
        handover: Handover,
    },
    /// A task does not store what it returns any more, or returns nothing.
    PushDisabled {
        /// Who hands it to whom.
        handover: Handover,
    },
    /// A task pulls by the id of a task that the proposed DAG does not have.
    ProducerMissing {
        /// Who hands it to whom.
        handover: Handover,
    },
    /// A task newly pulls from itself, or from a task that is not before it.
    ProducerNotBefore {
        /// Who hands it to whom.
        handover: Handover,
    },
    /// A task pulls by the proposed id of a task that the run knows by its deployed id.
    ProducerRenamed {
        /// The deployed id.
        from: TaskId,
        /// The proposed id.
        to: TaskId,
        /// The task that pulls.
        consumer: TaskId,
    },
    /// A branch can choose a task that the proposed DAG does not have.
    BranchTargetMissing {
        /// The branch.
        branch: TaskId,
        /// What it chooses.
        target: String,
        /// Whether the deployed branch can choose it too: then what it has chosen is missing.
        chosen_before: bool,
    },
    /// A parameter that a task reads has no value any more, or never had one, unless the run was given one.
    ParamMissing {
        /// The parameter.
        name: String,
        /// Whether it is read of what the run was given, and has no default for that reason.
        conf: bool,
        /// The tasks that read it.
        readers: Vec<TaskId>,
    },
    /// Tasks cannot use the value that a parameter has, unless the run was given another one.
    ParamUnfit {
        /// The parameter.
        name: String,
        /// What it was in the deployed DAG.
        before: Shape,
        /// What it is in the proposed DAG.
        after: Shape,
        /// The tasks that read it.
        readers: Vec<TaskId>,
        /// What is wrong with it.
        hurt: Hurt,
    },
    /// A task asks more than before of a parameter, which a run may have been given.
    ParamReadChanged {
        /// The parameter.
        name: String,
        /// The task.
        reader: TaskId,
        /// How the deployed task uses it.
        before: Usage,
        /// How the proposed one does.
        after: Usage,
    },
    /// A task reads other parameters in place of one that nothing reads any more, which a run may have been given.
    ParamRenamed {
        /// The parameter that was read.
        from: String,
        /// Those that are read newly, one of which may stand for it.
        to: Vec<String>,
        /// The task.
        reader: TaskId,
    },
    /// A parameter takes less than before, or has no default any more.
    ParamTightened {
        /// The parameter.
        name: String,
        /// What the deployed DAG takes; none if it does not have the parameter.
        before: Option<ParamRule>,
        /// What the proposed DAG takes.
        after: ParamRule,
    },
}

/// A value that one task stores and another reads, and what is wrong with it at which time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The task whose value it is.
    pub producer: TaskId,
    /// Its DAG, where that is another one.
    pub dag_id: Option<DagId>,
    /// The task that reads it.
    pub consumer: TaskId,
    /// The key that is read.
    pub key: String,
    /// What the proposed reader finds wrong with what the deployed producer has stored.
    pub stored: Option<Hurt>,
    /// What the proposed reader finds wrong with what the proposed producer stores.
    pub coming: Option<Hurt>,
    /// How the proposed reader uses it, so that a value whose type is known can be held against that.
    pub usage: Usage,
    /// What the text says that the deployed producer has stored; [`Shape::Any`] where it does not.
    pub had: Shape,
    /// Which runs meet it.
    pub reach: Reach,
}

/// Which runs meet what a change does, by whether they are pinned to a bundle version: those keep the DAG files of
/// their commit, and take the plugins as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Those that are not pinned.
    #[default]
    Unpinned,
    /// All: the plugins alone make the difference.
    All,
    /// Those that are pinned: the deployed DAG files and the proposed plugins do not go together.
    Pinned,
}

/// How a reader uses a value, at the places of its own side.
#[derive(Clone, Debug, Default)]
pub struct Usage(pub Box<Use>);

/// Two handovers are equal if what they say is, wherever it is read.
impl PartialEq for Usage {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Usage {}

/// What is wrong with a value for its reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hurt {
    /// In words.
    pub why: String,
    /// Whether the reader fails; else it goes on with a value that was not meant.
    pub fails: bool,
    /// Whether it finds nothing at all.
    pub nothing: bool,
    /// Whether that rests on how many instances a mapped task has.
    pub counted: Counted,
}

/// Whether what is wrong with a value rests on how many instances a mapped task has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counted {
    /// Not at all.
    #[default]
    No,
    /// It does.
    Yes,
    /// It does, and on Airflow 2 alone: 3 gives `None` for an index that is asked for and not there.
    OnTwo,
}

/// What a parameter takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamRule {
    /// Its default in canonical text, if it has one.
    pub default: Option<String>,
    /// The keys of its schema (`type`, `enum`, `minimum`, …), each with its values in canonical text.
    pub schema: BTreeMap<String, Vec<String>>,
}

impl Data {
    pub(super) const WORDS: &[&str] = &[
        "xcom-type-changed",
        "xcom-keys-changed",
        "xcom-read-changed",
        "xcom-pair-changed",
        "xcom-key-unrecorded",
        "xcom-layout-changed",
        "xcom-key-changed",
        "xcom-push-disabled",
        "xcom-producer-missing",
        "xcom-producer-not-before",
        "xcom-producer-renamed",
        "branch-target-missing",
        "param-missing",
        "param-unfit",
        "param-read-changed",
        "param-renamed",
        "param-tightened",
    ];

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::TypeChanged { .. } => "xcom-type-changed",
            Self::KeysChanged { .. } => "xcom-keys-changed",
            Self::ReadChanged { .. } => "xcom-read-changed",
            Self::PairChanged { .. } => "xcom-pair-changed",
            Self::KeyUnrecorded { .. } => "xcom-key-unrecorded",
            Self::LayoutChanged { .. } => "xcom-layout-changed",
            Self::KeyChanged { .. } => "xcom-key-changed",
            Self::PushDisabled { .. } => "xcom-push-disabled",
            Self::ProducerMissing { .. } => "xcom-producer-missing",
            Self::ProducerNotBefore { .. } => "xcom-producer-not-before",
            Self::ProducerRenamed { .. } => "xcom-producer-renamed",
            Self::BranchTargetMissing { .. } => "branch-target-missing",
            Self::ParamMissing { .. } => "param-missing",
            Self::ParamUnfit { .. } => "param-unfit",
            Self::ParamReadChanged { .. } => "param-read-changed",
            Self::ParamRenamed { .. } => "param-renamed",
            Self::ParamTightened { .. } => "param-tightened",
        }
    }

    /// The value, if that is what it is about.
    pub fn handover(&self) -> Option<&Handover> {
        match self {
            Self::TypeChanged { handover, .. }
            | Self::KeysChanged { handover, .. }
            | Self::LayoutChanged { handover, .. }
            | Self::KeyChanged { handover }
            | Self::ReadChanged { handover }
            | Self::PairChanged { handover }
            | Self::KeyUnrecorded { handover }
            | Self::PushDisabled { handover }
            | Self::ProducerMissing { handover }
            | Self::ProducerNotBefore { handover } => Some(handover),
            _ => None,
        }
    }

    /// Says which runs meet it, if it is about a value that passes between tasks; whether it is.
    pub(in crate::diff) fn reaches(&mut self, reach: Reach) -> bool {
        match self {
            Self::TypeChanged { handover, .. }
            | Self::KeysChanged { handover, .. }
            | Self::LayoutChanged { handover, .. }
            | Self::KeyChanged { handover }
            | Self::ReadChanged { handover }
            | Self::PairChanged { handover }
            | Self::KeyUnrecorded { handover }
            | Self::PushDisabled { handover }
            | Self::ProducerMissing { handover }
            | Self::ProducerNotBefore { handover } => {
                handover.reach = reach;
                true
            }
            Self::ProducerRenamed { .. }
            | Self::BranchTargetMissing { .. }
            | Self::ParamMissing { .. }
            | Self::ParamUnfit { .. }
            | Self::ParamReadChanged { .. }
            | Self::ParamRenamed { .. }
            | Self::ParamTightened { .. } => false,
        }
    }

    pub(super) fn subject(&self) -> String {
        match self {
            Self::ProducerMissing { handover } | Self::ProducerNotBefore { handover } => handover.consumer.to_string(),
            Self::ProducerRenamed { consumer, .. } => consumer.to_string(),
            Self::BranchTargetMissing { branch, .. } => branch.to_string(),
            Self::ParamMissing { name, .. }
            | Self::ParamUnfit { name, .. }
            | Self::ParamReadChanged { name, .. }
            | Self::ParamTightened { name, .. } => name.clone(),
            Self::ParamRenamed { from, .. } => from.clone(),
            _ => self.handover().map(|handover| handover.producer.to_string()).unwrap_or_default(),
        }
    }

    pub(super) fn before(&self) -> String {
        match self {
            Self::TypeChanged { before, .. } | Self::KeysChanged { before, .. } | Self::ParamUnfit { before, .. } => {
                shape(before)
            }
            Self::LayoutChanged { before, .. } => if *before { "on" } else { "off" }.to_string(),
            Self::ProducerMissing { handover } | Self::ProducerNotBefore { handover } => handover.producer.to_string(),
            Self::KeyChanged { handover }
            | Self::PushDisabled { handover }
            | Self::ReadChanged { handover }
            | Self::PairChanged { handover }
            | Self::KeyUnrecorded { handover } => handover.key.clone(),
            Self::ProducerRenamed { from, .. } => from.to_string(),
            Self::BranchTargetMissing { target, .. } => target.clone(),
            Self::ParamMissing { .. } | Self::ParamReadChanged { .. } => String::new(),
            Self::ParamRenamed { reader, .. } => reader.to_string(),
            Self::ParamTightened { before, .. } => before.as_ref().map(ParamRule::shown).unwrap_or_default(),
        }
    }

    pub(super) fn after(&self) -> String {
        match self {
            Self::TypeChanged { before, after, handover } | Self::KeysChanged { before, after, handover } => {
                met(before, after, handover.consumer.as_str())
            }
            Self::LayoutChanged { handover, .. }
            | Self::KeyChanged { handover }
            | Self::PushDisabled { handover }
            | Self::ReadChanged { handover }
            | Self::PairChanged { handover }
            | Self::KeyUnrecorded { handover } => handover.consumer.to_string(),
            Self::ProducerMissing { handover } | Self::ProducerNotBefore { handover } => handover.key.clone(),
            Self::ProducerRenamed { to, .. } => to.to_string(),
            Self::BranchTargetMissing { .. } => String::new(),
            Self::ParamMissing { readers, .. } => listed(readers),
            Self::ParamUnfit { before, after, readers, .. } => met(before, after, &listed(readers)),
            Self::ParamRenamed { to, .. } => to.join("`, `"),
            Self::ParamReadChanged { reader, .. } => {
                format!("what the run was given, which `{reader}` takes otherwise than before")
            }
            Self::ParamTightened { after, .. } => after.shown(),
        }
    }
}

impl ParamRule {
    /// As it would be written.
    fn shown(&self) -> String {
        let default = self.default.iter().cloned();
        let schema = self.schema.iter().map(|(key, value)| format!("{key}={}", value.join("|")));
        format!("Param({})", default.chain(schema).collect::<Vec<_>>().join(", "))
    }
}

fn listed(tasks: &[TaskId]) -> String {
    tasks.iter().map(ToString::to_string).collect::<Vec<_>>().join("`, `")
}

/// What a value is now to who reads it.
fn met(before: &Shape, after: &Shape, reader: &str) -> String {
    let (before, after) = (shape(before), shape(after));
    if before == after {
        format!("`{after}`, which `{reader}` takes otherwise than before")
    } else {
        format!("`{after}` to `{reader}` in place of `{before}`")
    }
}

/// A type in Python's own words.
fn shape(shape: &Shape) -> String {
    let all = |shapes: &mut dyn Iterator<Item = &Shape>, between: &str| -> String {
        shapes.map(self::shape).collect::<Vec<_>>().join(between)
    };
    match shape {
        Shape::Any => "Any".to_string(),
        Shape::None => "None".to_string(),
        Shape::Named(name) => name.to_string(),
        Shape::Record(name, _) => name.clone(),
        Shape::Dict(None) => "dict".to_string(),
        Shape::Dict(Some(keys)) => {
            format!("dict with {}", keys.keys().map(String::as_str).collect::<Vec<_>>().join(", "))
        }
        Shape::List(inner, Some(length)) => format!("{} of {length}", self::shape(&Shape::List(inner.clone(), None))),
        Shape::List(inner, None) if **inner == Shape::Any => "list".to_string(),
        Shape::List(inner, None) => format!("list[{}]", self::shape(inner)),
        Shape::Tuple(parts) => format!("tuple[{}]", all(&mut parts.iter(), ", ")),
        Shape::Union(parts) => all(&mut parts.iter(), " | "),
    }
}
