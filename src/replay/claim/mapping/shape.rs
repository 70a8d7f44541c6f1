//! Tasks that are mapped now or not any more, or over something else.
//!
//! How many elements an output has is stored when its task ends, and only if something is mapped over it
//! by then: of an output that ended before, no length is ever known.

use super::super::super::{Scene, of};
use super::super::{Claim, Fate, When};
use crate::dag::Dag;
use crate::diff::Mapped;
use crate::facts::{Progress, TaskInstance, TaskState};
use crate::ids::{MapIndex, TaskId};
use std::collections::BTreeSet;
use std::ops::Range;

/// The instances of all tasks of a mapping that are still in the run.
fn instances<'a>(scene: &Scene<'a>, subject: &Mapped) -> Vec<&'a TaskInstance> {
    let all = subject.tasks().iter().flat_map(|task_id| of(scene.run, task_id));
    all.filter(|instance| instance.state.progress() != Progress::Removed).collect()
}

/// Whether an instance takes what it does when it starts, which is still to come.
fn starts_later(instance: &TaskInstance) -> bool {
    instance.state.progress() == Progress::NotStarted
        || matches!(
            instance.state,
            TaskState::UpForRetry | TaskState::UpForReschedule | TaskState::Restarting | TaskState::Deferred
        )
}

fn named(instances: &[&TaskInstance]) -> Vec<(TaskId, MapIndex)> {
    instances.iter().map(|instance| (instance.task_id.clone(), instance.map_index)).collect()
}

/// Indexes that had gone in an earlier change and are in the list again: they get no state, and run.
pub(super) fn restored(scene: &Scene, subject: &Mapped, indexes: Range<usize>) -> Vec<Claim> {
    let back: Vec<_> = subject
        .tasks()
        .iter()
        .flat_map(|task_id| of(scene.run, task_id))
        .filter(|instance| instance.state == TaskState::Removed)
        .filter(|instance| instance.map_index.position().is_some_and(|at| indexes.contains(&at)))
        .collect();
    let why = "comes back without a state and does its element, perhaps a second time";
    if back.is_empty() { Vec::new() } else { vec![Claim::of_instances(named(&back), Fate::WorkAgain, why)] }
}

/// The first output of which no length will ever be stored.
fn without_length<'p>(scene: &Scene, producers: &'p [TaskId]) -> Option<&'p TaskId> {
    let ended = |id: &TaskId| {
        of(scene.run, id)
            .any(|instance| matches!(instance.state, TaskState::Success | TaskState::Running | TaskState::Other(_)))
    };
    let unmapped = |id: &TaskId| scene.deployed.is_some_and(|dag| !is_mapped_over(dag, id));
    producers.iter().find(|id| ended(id) && unmapped(id))
}

fn is_mapped_over(dag: &Dag, producer: &TaskId) -> bool {
    let own = dag.tasks.iter().filter_map(|task| task.mapped.as_ref());
    let all = own.chain(dag.groups.iter().filter_map(|group| group.mapped.as_ref()));
    all.flat_map(|mapping| &mapping.over).any(|over| over.tasks.contains(producer))
}

/// All tasks of the mapping fail when they are to be expanded.
fn no_length(subject: &Mapped, producer: &TaskId) -> Vec<Claim> {
    let why = format!("cannot be expanded: `{producer}` ends without anything mapped over its output");
    subject.tasks().iter().map(|id| Claim::fails(id, why.clone()).when(When::StartOrResume)).collect()
}

pub(super) fn made_mapped(scene: &Scene, subject: &Mapped, producers: &[TaskId]) -> Vec<Claim> {
    match without_length(scene, producers) {
        Some(producer) => no_length(subject, producer),
        // Of a list that is written out, the graphs say it; of an output, the plain instance is expanded.
        None => Vec::new(),
    }
}

/// What had an index is seen by the graphs. What was not expanded yet failed on 2.6.2, and did all of the
/// work at once on 3.3.2.
pub(super) fn made_plain(scene: &Scene, subject: &Mapped) -> Vec<Claim> {
    let open: Vec<_> = instances(scene, subject)
        .into_iter()
        .filter(|instance| instance.map_index.position().is_none() && starts_later(instance))
        .collect();
    if open.is_empty() {
        return Vec::new();
    }
    if scene.may_be_2() {
        let why = "was to be expanded and is not, and fails";
        return vec![Claim::of_instances(named(&open), Fate::Fails, why).when(When::Start)];
    }
    vec![Claim::of_instances(
        named(&open),
        Fate::Noted,
        "does all of the plain task's work, and no element has an instance",
    )]
}

pub(super) fn source(
    scene: &Scene,
    subject: &Mapped,
    (before, after): (&str, &str),
    producers: &[TaskId],
) -> Vec<Claim> {
    let (indexed, open): (Vec<_>, Vec<_>) = instances(scene, subject)
        .into_iter()
        .filter(|instance| starts_later(instance))
        .partition(|instance| instance.map_index.position().is_some());
    if let Some(producer) = without_length(scene, producers) {
        if !indexed.is_empty() && !scene.may_be_2() {
            let why = format!("becomes `removed`, since the length of {after} is not known, and is never done");
            return vec![Claim::of_instances(named(&indexed), Fate::OtherWork, why).when(When::StartOrResume)];
        }
        return no_length(subject, producer);
    }
    let mut claims = Vec::new();
    if !indexed.is_empty() {
        let why = format!("takes what {after} holds at its index, which may be another element");
        claims.push(Claim::of_instances(named(&indexed), Fate::Noted, why));
    }
    if !open.is_empty() && !producers.is_empty() {
        let why = format!("is expanded over {after} and not over {before}");
        claims.push(Claim::of_instances(named(&open), Fate::Noted, why));
    }
    claims
}

/// Instances that take what then stands at their index.
fn other_elements(subject: &Mapped) -> Vec<Claim> {
    let why = "takes another element than it was made for";
    subject.tasks().iter().map(|id| Claim::of_task(id, Fate::OtherWork, why).when(When::Start)).collect()
}

pub(super) fn transform(scene: &Scene, subject: &Mapped, same_elements: bool) -> Vec<Claim> {
    let untouched = instances(scene, subject).iter().all(|instance| starts_later(instance));
    if same_elements && untouched { Vec::new() } else { other_elements(subject) }
}

/// Half-way, an index means another combination; before anything has started, the new ones simply hold.
pub(super) fn arguments(scene: &Scene, subject: &Mapped) -> Vec<Claim> {
    let untouched = instances(scene, subject)
        .iter()
        .all(|instance| starts_later(instance) && instance.state.progress() == Progress::NotStarted);
    if untouched { Vec::new() } else { other_elements(subject) }
}

/// In a mapped group, what starts later takes the element that then stands at its index, and of the tasks
/// before it what they returned there for another one.
pub(super) fn mixed(scene: &Scene, subject: &Mapped, before: &[String], after: &[String]) -> Vec<Claim> {
    let (Mapped::Group(_, takers), Some(dag)) = (subject, scene.deployed) else { return Vec::new() };
    let moved: Vec<usize> = (0..before.len().min(after.len())).filter(|at| before[*at] != after[*at]).collect();
    let at = |task_id, index: usize| {
        of(scene.run, task_id).filter(move |instance| instance.map_index.position() == Some(index))
    };
    let mut claims = Vec::new();
    for reader in takers {
        for producer in behind(dag, reader).into_iter().filter(|task_id| takers.contains(task_id)) {
            let begun = |index: &&usize| at(producer, **index).any(|instance| !starts_later(instance));
            let open = |index: &usize| at(reader, *index).filter(|instance| starts_later(instance));
            let mixed: Vec<_> = moved.iter().filter(begun).flat_map(open).collect();
            if !mixed.is_empty() {
                let why = format!("takes another element than `{producer}` had at its index, and what came of that");
                claims.push(Claim::of_instances(named(&mixed), Fate::OtherWork, why).when(When::StartOrResume));
            }
        }
    }
    claims
}

/// The tasks whose output a task takes, at first or second hand.
fn behind<'d>(dag: &'d Dag, task_id: &'d TaskId) -> BTreeSet<&'d TaskId> {
    let mut found = BTreeSet::new();
    let mut open = vec![task_id];
    while let Some(next) = open.pop() {
        let takes = dag.task(next).into_iter().flat_map(|task| &task.takes);
        open.extend(takes.map(|takes| &takes.producer).filter(|producer| found.insert(*producer)));
    }
    found
}

/// Half-way, some elements are done in one way and the rest in another.
pub(super) fn partial(scene: &Scene, subject: &Mapped, arguments: &[String]) -> Vec<Claim> {
    let all = instances(scene, subject);
    if all.iter().all(|instance| starts_later(instance)) {
        return Vec::new();
    }
    let names: Vec<String> = arguments.iter().take(3).map(|name| format!("`{name}`")).collect();
    let why = format!("takes another {} than those that have run", names.join(", "));
    subject.tasks().iter().map(|id| Claim::of_task(id, Fate::OtherWork, why.clone()).when(When::Start)).collect()
}
