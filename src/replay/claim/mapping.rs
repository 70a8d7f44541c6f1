//! Lists that tasks and groups are mapped over: an index is an identity.

use super::super::{Effect, Harm, Outcome, Scene, of, these, unfinished};
use crate::diff::{Mapped, MappingChange};
use crate::facts::{Progress, Run, TaskInstance, TaskState};
use crate::ids::{AirflowVersion, TaskId};
use std::collections::BTreeSet;

/// What becomes of the run.
pub(in crate::replay) fn effect(kind: &MappingChange, scene: &Scene) -> Effect {
    if scene.pinned() {
        return Effect::none();
    }
    match kind {
        MappingChange::CountChanged { subject, before, after } => {
            count(scene.run, subject, *before, *after, scene.version)
        }
        MappingChange::ItemsChanged { subject, before, after } => items(scene.run, subject, before, after),
    }
}

/// What it can do to a run in the worst state.
pub(in crate::replay) fn worst(kind: &MappingChange) -> (Harm, &'static str) {
    match kind {
        MappingChange::CountChanged { before, after, .. } if after > before => {
            (Harm::Soft, "a run in flight is not sure to run the new elements")
        }
        MappingChange::CountChanged { .. } => (Harm::Breaks, "instances of a run in flight would be removed"),
        MappingChange::ItemsChanged { .. } => {
            (Harm::Breaks, "a run half-way through the list would do one element twice and another never")
        }
    }
}

fn count(run: &Run, subject: &Mapped, before: usize, after: usize, version: Option<AirflowVersion>) -> Effect {
    let instances: Vec<_> = subject
        .tasks()
        .iter()
        .flat_map(|task_id| of(run, task_id))
        .filter(|instance| instance.state.progress() != Progress::Removed)
        .collect();
    if after > before {
        if instances.is_empty() {
            return Effect::none();
        }
        let new = after - before;
        let elements = if new == 1 { "element" } else { "elements" };
        let sentence = format!("it is not sure to run the {new} new {elements} of `{}`", subject.name());
        return Effect::new(Harm::Soft, [], sentence, []);
    }
    let surplus: Vec<_> = instances
        .into_iter()
        .filter(|instance| instance.map_index.position().is_some_and(|position| position >= after))
        .collect();
    if surplus.is_empty() {
        return Effect::none();
    }
    if surplus.iter().any(|instance| unfinished(instance)) {
        let sentence = format!("{} becomes `removed` and its element is never done", these(&surplus));
        return Effect::new(Harm::Breaks, [Outcome::Lost, Outcome::SkippedWork], sentence, surplus);
    }
    // Seen on 2.6.2 and 2.11.2: a removed instance that had succeeded fails the run with "Task
    // deadlock"; 3.3.2 goes on.
    if version.is_none_or(|version| version.major < 3) {
        let sentence = format!("{} becomes `removed`, which fails the run with a task deadlock", these(&surplus));
        return Effect::new(Harm::Breaks, [Outcome::Lost, Outcome::Failed], sentence, surplus);
    }
    let sentence = format!("{} becomes `removed`: its result is gone from the run", these(&surplus));
    Effect::new(Harm::Soft, [Outcome::Lost], sentence, surplus)
}

/// An element of an instance that has started is frozen; an instance that starts later, or
/// again, takes what the list then holds at its index.
fn items(run: &Run, subject: &Mapped, before: &[String], after: &[String]) -> Effect {
    let mut worst = Effect::none();
    for task_id in subject.tasks() {
        let effect = items_of_task(run, task_id, before, after);
        if effect.harm > worst.harm {
            worst = effect;
        }
    }
    worst
}

fn items_of_task(run: &Run, task_id: &TaskId, before: &[String], after: &[String]) -> Effect {
    let at = |instance: &&TaskInstance| instance.map_index.position();
    let started: Vec<_> = of(run, task_id)
        .filter(|i| matches!(i.state.progress(), Progress::Finished | Progress::InProgress))
        .filter(|i| at(i).is_some())
        .collect();
    if started.is_empty() {
        return Effect::none();
    }
    let starts_later = |instance: &&TaskInstance| {
        instance.state.progress() == Progress::NotStarted
            || matches!(
                instance.state,
                TaskState::UpForRetry | TaskState::UpForReschedule | TaskState::Restarting | TaskState::Deferred
            )
    };
    let hit: Vec<_> = of(run, task_id)
        .filter(starts_later)
        .filter(|i| at(i).is_some_and(|at| before.get(at) != after.get(at) && after.get(at).is_some()))
        .collect();
    if hit.is_empty() {
        return Effect::none();
    }
    let tried: BTreeSet<&String> = started.iter().filter_map(|i| before.get(at(i)?)).collect();
    // An instance that waits for another try has not done its element.
    let done: BTreeSet<&String> =
        started.iter().filter(|i| !starts_later(i)).filter_map(|i| before.get(at(i)?)).collect();
    let coming: Vec<&String> = hit.iter().filter_map(|i| after.get(at(i)?)).collect();
    let due: Vec<&String> = hit.iter().filter_map(|i| before.get(at(i)?)).collect();
    let twice: BTreeSet<&String> = coming.iter().copied().filter(|item| tried.contains(item)).collect();
    let never: BTreeSet<&String> =
        due.iter().copied().filter(|item| !coming.contains(item) && !done.contains(item)).collect();
    let mut outcomes = BTreeSet::new();
    let mut parts = vec![format!("{} takes another element than it was made for", these(&hit))];
    if !twice.is_empty() {
        outcomes.insert(Outcome::Repeated);
        parts.push(format!("{} is done twice", some(&twice)));
    }
    if !never.is_empty() {
        outcomes.insert(Outcome::SkippedWork);
        parts.push(format!("{} is never done", some(&never)));
    }
    if outcomes.is_empty() {
        // The same elements in another order among instances that have not started.
        return Effect::none();
    }
    Effect::new(Harm::Breaks, outcomes, parts.join("; "), hit)
}

fn some(items: &BTreeSet<&String>) -> String {
    let mut words: Vec<String> = items.iter().take(3).map(|item| format!("`{item}`")).collect();
    if items.len() > 3 {
        words.push(format!("{} more", items.len() - 3));
    }
    words.join(", ")
}
