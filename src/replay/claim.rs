//! What each kind of change claims about the instances of a run, one vocabulary a file.
//!
//! The simulation itself reads ids, edges, trigger rules and mapped counts from both DAGs: what
//! follows from them (`removed`, created, run again, skipped, a deadlock) needs no claim. A claim
//! says what the graphs do not hold: a call that does not fit, a value that is missing, a pool that
//! is not there.
//!
//! Each vocabulary's file has three functions, each a `match` over its kinds:
//! `claims`, what the change does to this run beyond the graphs; `about`, the tasks that it is about,
//! so that what the simulation finds has its cause; and `worst`, for runs that cannot be seen.

pub(super) mod code;
pub(super) mod data;
pub(super) mod environment;
pub(super) mod file;
pub(super) mod graph;
pub(super) mod identity;
pub(super) mod mapping;
pub(super) mod notice;
pub(super) mod reference;
pub(super) mod settings;
pub(super) mod skew;

use super::{Harm, Scene};
use crate::diff::Kind;
use crate::ids::{MapIndex, TaskId};
use crate::switch;

/// What a change does to instances of a run, where the graphs of the two sides do not say it.
///
/// ```text
/// Claim::fails(task_id, "calls `scale` without its new parameter `factor`")
/// Claim::fails(task_id, "…").when(When::Resume)
/// Claim::of_instances(waiting, Fate::NeverEnds, "waits for a task that is gone")
/// Claim::other_value(task_id, "still pulls by the id `work`").unless_stored(work)
/// Claim::of_run(Fate::CannotLoad, "`shared/lib.py` does not import")
/// ```
///
/// [`Scene::version`] is always known here (an unknown one is tried with each family in turn), so a
/// claim that holds for one family only is made or left out by looking at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// The instances that it is about.
    pub(super) whom: Whom,
    /// At what moment it comes true.
    pub(super) when: When,
    /// What happens then.
    pub(super) fate: Fate,
    /// The clause that follows the instances in a sentence, lower case, no full stop
    /// (`` calls `scale` without `factor` ``); for a run a whole clause.
    pub(super) why: String,
    /// The claim is void if that task (by its proposed id, or one that the run knew) has stored a value
    /// in this run by then.
    pub(super) unless_stored: Option<TaskId>,
}

/// The instances that a claim is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    /// All instances of the task, by its id in the proposed DAG.
    Task(TaskId),
    /// These.
    Instances(Vec<(TaskId, MapIndex)>),
    /// The run as a whole.
    Run,
}

/// At what moment a claim comes true. An instance that has finished, or that runs and ends by itself,
/// is not touched by the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum When {
    /// With the delivery, in whatever unfinished state it is.
    Now,
    /// When it next starts from the beginning: a first try, a retry, the next poke of a sensor that
    /// reschedules.
    Start,
    /// When it resumes after a deferral.
    Resume,
    /// When it next starts or resumes.
    StartOrResume,
}

/// What happens to an instance, or to the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// It fails, retries included. Of a run: the run is failed, and what runs is ended.
    Fails,
    /// It stays `scheduled` (a pool that is not there).
    NeverStarts,
    /// It starts, or goes on, and never ends (a sensor whose target is gone).
    NeverEnds,
    /// It ends well with another value than without the change (`None` for what it pulls).
    OtherValue,
    /// It ends well and does other work than was due: the work that was due is never done.
    OtherWork,
    /// It is skipped: the work that was due is never done.
    Skipped,
    /// Its work is done, and it was done before: beyond what the ids and elements tell.
    WorkAgain,
    /// Nothing breaks; something that its author may not expect.
    Noted,
    /// Something outside of this run breaks.
    HurtsElsewhere,
    /// It cannot be said what happens to it.
    NotKnown,
    /// The DAG cannot be loaded any more: of a run only.
    CannotLoad,
}

impl Claim {
    /// Something that is about all instances of a task, from when they next start or resume.
    pub(super) fn of_task(task_id: &TaskId, fate: Fate, why: impl Into<String>) -> Self {
        let whom = Whom::Task(task_id.clone());
        Self { whom, when: When::StartOrResume, fate, why: why.into(), unless_stored: None }
    }

    /// Something that is about some instances, with the delivery.
    pub(super) fn of_instances(of: Vec<(TaskId, MapIndex)>, fate: Fate, why: impl Into<String>) -> Self {
        Self { whom: Whom::Instances(of), when: When::Now, fate, why: why.into(), unless_stored: None }
    }

    /// Something that is about the run as a whole, with the delivery.
    pub(super) fn of_run(fate: Fate, why: impl Into<String>) -> Self {
        Self { whom: Whom::Run, when: When::Now, fate, why: why.into(), unless_stored: None }
    }

    /// Instances of the task fail when they next start.
    pub(super) fn fails(task_id: &TaskId, why: impl Into<String>) -> Self {
        Self::of_task(task_id, Fate::Fails, why).when(When::Start)
    }

    /// Instances of the task take another value when they next start.
    pub(super) fn other_value(task_id: &TaskId, why: impl Into<String>) -> Self {
        Self::of_task(task_id, Fate::OtherValue, why).when(When::Start)
    }

    /// The claim, of another moment.
    pub(super) fn when(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    /// The claim, void once that task has stored its value.
    pub(super) fn unless_stored(mut self, task_id: TaskId) -> Self {
        self.unless_stored = Some(task_id);
        self
    }
}

/// All that a change claims about the run.
pub(super) fn claims(kind: &Kind, scene: &Scene) -> Vec<Claim> {
    if switch::part_off("claims", kind.vocabulary()) {
        return Vec::new();
    }
    match kind {
        Kind::Identity(kind) => identity::claims(kind, scene),
        Kind::Mapping(kind) => mapping::claims(kind, scene),
        Kind::Data(kind) => data::claims(kind, scene),
        Kind::Graph(kind) => graph::claims(kind, scene),
        Kind::Code(kind) => code::claims(kind, scene),
        Kind::Settings(kind) => settings::claims(kind, scene),
        Kind::Reference(kind) => reference::claims(kind, scene),
        Kind::Environment(kind) => environment::claims(kind, scene),
        Kind::File(kind) => file::claims(kind, scene),
        Kind::Skew(kind) => skew::claims(kind, scene),
        Kind::Notice(kind) => notice::claims(kind, scene),
        Kind::DagNotKnown { .. } if scene.pinned() => Vec::new(),
        Kind::DagNotKnown { reason } => {
            vec![Claim::of_run(Fate::NotKnown, format!("what it will meet is not known: {reason}"))]
        }
    }
}

/// The tasks that a change is about, by their ids on both sides: what the simulation finds about
/// their instances was caused by it.
pub(super) fn about(kind: &Kind) -> Vec<TaskId> {
    if switch::part_off("subjects", kind.vocabulary()) {
        return Vec::new();
    }
    match kind {
        Kind::Identity(kind) => identity::about(kind),
        Kind::Mapping(kind) => mapping::about(kind),
        Kind::Data(kind) => data::about(kind),
        Kind::Graph(kind) => graph::about(kind),
        Kind::Code(kind) => code::about(kind),
        Kind::Settings(kind) => settings::about(kind),
        Kind::Reference(kind) => reference::about(kind),
        Kind::Skew(kind) => skew::about(kind),
        Kind::Notice(kind) => notice::about(kind),
        Kind::Environment(kind) => environment::about(kind),
        Kind::File(_) | Kind::DagNotKnown { .. } => Vec::new(),
    }
}

/// What the change can do to a run in the worst state that a run can be in, and that in words.
pub(super) fn worst(kind: &Kind) -> (Harm, &'static str) {
    if switch::part_off("worst", kind.vocabulary()) {
        return (Harm::None, "");
    }
    match kind {
        Kind::Identity(kind) => identity::worst(kind),
        Kind::Mapping(kind) => mapping::worst(kind),
        Kind::Data(kind) => data::worst(kind),
        Kind::Graph(kind) => graph::worst(kind),
        Kind::Code(kind) => code::worst(kind),
        Kind::Settings(kind) => settings::worst(kind),
        Kind::Reference(kind) => reference::worst(kind),
        Kind::Environment(kind) => environment::worst(kind),
        Kind::File(kind) => file::worst(kind),
        Kind::Skew(kind) => skew::worst(kind),
        Kind::Notice(kind) => notice::worst(kind),
        Kind::DagNotKnown { .. } => (Harm::Breaks, "what happens to a run in flight is not known"),
    }
}
