//! The kinds of change, as far as a rule rests on them: one vocabulary a file.
//!
//! A kind says what a rule needs to word a finding ([`Kind::word`], [`Kind::subject`],
//! [`Kind::before`], [`Kind::after`]) and what the witness needs to find the instances that it
//! concerns. A new kind is a variant of its vocabulary; the closed list that rule files choose from
//! follows.

mod code;
mod data;
mod environment;
mod file;
mod graph;
mod identity;
mod mapping;
mod notice;
mod reference;
mod settings;
mod skew;

pub use code::{Breach, Code};
pub use data::{Counted, Data, Handover, Hurt, ParamRule, Reach, Usage};
pub use environment::Environment;
pub use file::FileChange;
pub use graph::Graph;
pub use identity::{Identity, KnownBy};
pub use mapping::{Mapped, MappingChange};
pub use notice::Notice;
pub use reference::Reference;
pub use settings::Settings;
pub use skew::{Meets, Mixture, Skew};

use crate::ids::InstanceName;

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ids of tasks, groups and DAGs, and what stands behind them.
    Identity(Identity),
    /// What tasks and groups are mapped over.
    Mapping(MappingChange),
    /// Values that pass between tasks.
    Data(Data),
    /// Edges, trigger rules, setups and teardowns.
    Graph(Graph),
    /// Contracts between pieces of code: calls and signatures, deferrals and the methods they resume.
    Code(Code),
    /// Options of tasks and DAGs: limits, retries, pools, schedules.
    Settings(Settings),
    /// What is named beyond the DAG: other DAGs, assets, pools, connections.
    Reference(Reference),
    /// What the Airflow must have: pools, Variables, connections.
    Environment(Environment),
    /// Files that do not import, or that Airflow does not take for a DAG file any more.
    File(FileChange),
    /// Deployed DAGs beside proposed plugins.
    Skew(Skew),
    /// What is worth knowing and hurts no run.
    Notice(Notice),
    /// The code of a DAG changed and its structure cannot be known from the text.
    DagNotKnown {
        /// What is not known, first of all.
        reason: String,
    },
}

/// The word of [`Kind::DagNotKnown`].
const DAG_NOT_KNOWN: &str = "dag-not-known";

impl Kind {
    /// The word by which a rule file selects this kind (its `on` key).
    pub fn word(&self) -> &'static str {
        match self {
            Self::Identity(kind) => kind.word(),
            Self::Mapping(kind) => kind.word(),
            Self::Data(kind) => kind.word(),
            Self::Graph(kind) => kind.word(),
            Self::Code(kind) => kind.word(),
            Self::Settings(kind) => kind.word(),
            Self::Reference(kind) => kind.word(),
            Self::Environment(kind) => kind.word(),
            Self::File(kind) => kind.word(),
            Self::Skew(kind) => kind.word(),
            Self::Notice(kind) => kind.word(),
            Self::DagNotKnown { .. } => DAG_NOT_KNOWN,
        }
    }

    /// The name of the vocabulary.
    pub(crate) fn vocabulary(&self) -> &'static str {
        match self {
            Self::Identity(_) => "identity",
            Self::Mapping(_) => "mapping",
            Self::Data(_) => "data",
            Self::Graph(_) => "graph",
            Self::Code(_) => "code",
            Self::Settings(_) => "settings",
            Self::Reference(_) => "reference",
            Self::Environment(_) => "environment",
            Self::File(_) => "file",
            Self::Skew(_) => "skew",
            Self::Notice(_) => "notice",
            Self::DagNotKnown { .. } => "not known",
        }
    }

    /// All words of [`Kind::word`]: the closed list that rule files choose from.
    pub fn words() -> impl Iterator<Item = &'static str> {
        let vocabularies = [
            Identity::WORDS,
            MappingChange::WORDS,
            Data::WORDS,
            Graph::WORDS,
            Code::WORDS,
            Settings::WORDS,
            Reference::WORDS,
            Environment::WORDS,
            FileChange::WORDS,
            Skew::WORDS,
            Notice::WORDS,
            &[DAG_NOT_KNOWN],
        ];
        vocabularies.into_iter().flatten().copied()
    }

    /// The task or group that it is about, where it is about one.
    pub fn subject(&self) -> Option<String> {
        match self {
            Self::Identity(kind) => kind.subject(),
            Self::Mapping(kind) => Some(kind.subject()),
            Self::Data(kind) => Some(kind.subject()),
            Self::Graph(kind) => Some(kind.subject()),
            Self::Code(kind) => kind.subject(),
            Self::Settings(kind) => kind.subject(),
            Self::Reference(kind) => Some(kind.subject()),
            Self::Skew(kind) => kind.subject(),
            Self::Notice(kind) => kind.subject(),
            Self::Environment(kind) => kind.subject(),
            Self::File(_) | Self::DagNotKnown { .. } => None,
        }
    }

    /// The deployed value, in words; part of what a finding is known by.
    pub fn before(&self) -> String {
        match self {
            Self::Identity(kind) => kind.before(),
            Self::Mapping(kind) => kind.before(),
            Self::Data(kind) => kind.before(),
            Self::Graph(kind) => kind.before(),
            Self::Code(kind) => kind.before(),
            Self::Settings(kind) => kind.before(),
            Self::Reference(kind) => kind.before(),
            Self::Environment(kind) => kind.before(),
            Self::File(kind) => kind.before(),
            Self::Skew(kind) => kind.before(),
            Self::Notice(kind) => kind.before(),
            Self::DagNotKnown { .. } => String::new(),
        }
    }

    /// Whether it concerns that Airflow.
    pub fn concerns(&self, instance: &InstanceName) -> bool {
        match self {
            Self::Environment(kind) => kind.on().is_empty() || kind.on().contains(instance),
            _ => true,
        }
    }

    /// Whether it is no more than worth knowing: no verdict rests on it, and nothing is asked for it.
    pub fn is_notice(&self) -> bool {
        matches!(self, Self::Notice(_))
    }

    /// Whether it is said only where an instance in flight is shown to meet it.
    pub fn needs_an_instance(&self) -> bool {
        match self {
            Self::Notice(notice) => matches!(notice, Notice::BodyChanged { .. }),
            Self::Data(
                Data::ReadChanged { .. }
                | Data::PairChanged { .. }
                | Data::KeyUnrecorded { .. }
                | Data::ParamReadChanged { .. },
            ) => true,
            _ => false,
        }
    }

    /// Whether runs that are pinned to a bundle version are all that it can be about.
    pub fn is_for_pinned_alone(&self) -> bool {
        match self {
            Self::Skew(skew) => matches!(skew, Skew::Pinned(_)),
            Self::Data(data) => data.handover().is_some_and(|handover| handover.reach == Reach::Pinned),
            _ => false,
        }
    }

    /// Whether [`Kind::after`] becomes another text as time passes, so that nothing is known by it.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Settings(Settings::RunsForThePast { .. }))
    }

    /// Values that [`Kind::before`] and [`Kind::after`] leave out because there are many.
    pub fn left_out(&self) -> Vec<String> {
        match self {
            Self::Identity(Identity::GroupChanged { members, .. }) => {
                members.iter().skip(1).map(|(from, to)| format!("{from}>{to}")).collect()
            }
            Self::Mapping(MappingChange::ItemsChanged { before, after, .. }) => {
                let beyond = |items: &[String], side: &str| -> Vec<String> {
                    items.iter().skip(4).map(|item| format!("{side}{item}")).collect()
                };
                [beyond(before, "-"), beyond(after, "+")].concat()
            }
            Self::Settings(Settings::RunsForThePast { schedule, .. }) => vec![schedule.clone()],
            Self::Notice(Notice::BodyChanged { tasks, functions }) => {
                let beyond = tasks.iter().skip(1).map(ToString::to_string);
                beyond.chain(functions.iter().skip(3).cloned()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The proposed value, likewise.
    pub fn after(&self) -> String {
        match self {
            Self::Identity(kind) => kind.after(),
            Self::Mapping(kind) => kind.after(),
            Self::Data(kind) => kind.after(),
            Self::Graph(kind) => kind.after(),
            Self::Code(kind) => kind.after(),
            Self::Settings(kind) => kind.after(),
            Self::Reference(kind) => kind.after(),
            Self::Environment(kind) => kind.after(),
            Self::File(kind) => kind.after(),
            Self::Skew(kind) => kind.after(),
            Self::Notice(kind) => kind.after(),
            Self::DagNotKnown { reason } => reason.clone(),
        }
    }
}
