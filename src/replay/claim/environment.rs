//! What a change needs of the Airflow that it runs on.
//!
//! Measured (pool_missing): on 2.x an instance goes by the pool of the code when it is scheduled, and
//! is never queued where that does not exist; on 3.3.2 it keeps the pool that it was made with, and what
//! the run gets from now on has that of the code (read in `TaskInstance.refresh_from_task`).

use super::super::{Harm, Scene, of, unfinished};
use super::{Claim, Fate, When};
use crate::dag::Mapping;
use crate::diff::Environment;
use crate::facts::{TaskInstance, TaskState};
use crate::ids::{MapIndex, TaskId};
use std::collections::BTreeSet;

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &Environment, scene: &Scene) -> Vec<Claim> {
    if scene.pinned() {
        return Vec::new();
    }
    match kind {
        Environment::PoolMissing { name, tasks, shown, .. } if scene.may_be_2() => {
            let each = tasks.iter().filter_map(|task_id| no_pool(scene, task_id, name, *shown));
            each.collect()
        }
        Environment::PoolTooSmall { name, tasks, .. } if scene.may_be_2() => {
            tasks.iter().map(|task_id| never_queued(scene, task_id, too_much(name))).collect()
        }
        Environment::PoolMissing { name, tasks, shown: true, .. } => new_ones(scene, tasks, &nowhere(name)),
        Environment::PoolTooSmall { name, tasks, .. } => new_ones(scene, tasks, &too_much(name)),
        Environment::PoolMissing { .. } => Vec::new(),
        Environment::VariableMissing { name, at_parse: true, .. } => {
            vec![Claim::of_run(Fate::CannotLoad, format!("the file does not import without the Variable `{name}`"))]
        }
        Environment::VariableMissing { name, tasks, .. } | Environment::ConnectionMissing { name, tasks, .. } => {
            let why = format!("fails when it asks for `{name}`");
            tasks.iter().filter_map(|task_id| noted(scene, task_id, &why)).collect()
        }
    }
}

/// The tasks that it is about.
pub(super) fn about(kind: &Environment) -> Vec<TaskId> {
    kind.tasks().to_vec()
}

/// What it can do to a run in the worst state.
pub(super) fn worst(kind: &Environment) -> (Harm, &'static str) {
    match kind {
        Environment::PoolMissing { shown: true, .. } | Environment::PoolTooSmall { .. } => {
            (Harm::Breaks, "on 2.x an instance that is not queued yet would never be")
        }
        Environment::PoolMissing { .. } => (Harm::Soft, "without the pool an instance would never be queued"),
        Environment::VariableMissing { at_parse: true, .. } => (Harm::Breaks, "the file would not import"),
        Environment::VariableMissing { .. } | Environment::ConnectionMissing { .. } => {
            (Harm::Soft, "a task that asks for it would fail")
        }
    }
}

/// An instance that is queued has its slot; whatever is scheduled after it has none.
fn no_pool(scene: &Scene, task_id: &TaskId, name: &str, shown: bool) -> Option<Claim> {
    if !shown {
        return noted(scene, task_id, &format!("is never queued if there is no pool `{name}`"));
    }
    Some(never_queued(scene, task_id, nowhere(name)))
}

fn nowhere(pool: &str) -> String {
    format!("is put into pool `{pool}`, which does not exist,")
}

fn too_much(pool: &str) -> String {
    format!("takes more slots than pool `{pool}` has, and")
}

/// Instances that the run gets from now on are never queued.
fn new_ones(scene: &Scene, tasks: &[TaskId], why: &str) -> Vec<Claim> {
    let new: Vec<(TaskId, MapIndex)> = tasks.iter().flat_map(|task_id| made_later(scene, task_id)).collect();
    if new.is_empty() {
        return Vec::new();
    }
    vec![Claim::of_instances(new, Fate::NeverStarts, why).when(When::StartOrResume)]
}

/// Instances of the task that the run does not have yet; for a mapped one whose list is still to come, the one
/// that stands for them.
fn made_later(scene: &Scene, task_id: &TaskId) -> Vec<(TaskId, MapIndex)> {
    /// More are not looked at.
    const MOST: usize = 1024;
    let known: BTreeSet<i64> = of(scene.run, task_id).map(|instance| instance.map_index.0).collect();
    let task = scene.proposed.and_then(|dag| dag.task(task_id));
    let mapping = task.and_then(|task| task.mapped.as_ref());
    let listed = mapping.and_then(Mapping::count).unwrap_or_default().min(MOST);
    let waits = mapping.is_some() && of(scene.run, task_id).all(|i| i.map_index.0 < 0 && unfinished(i));
    let one = (known.is_empty() || waits).then_some(-1);
    let rest = (0_i64..).take(listed).filter(|index| !waits && !known.contains(index));
    one.into_iter().chain(rest).map(|index| (task_id.clone(), MapIndex(index))).collect()
}

/// Instances of the task that are not queued yet never are; `why` is what that comes of.
pub(super) fn never_queued(scene: &Scene, task_id: &TaskId, why: String) -> Claim {
    if of(scene.run, task_id).any(|instance| matches!(instance.state, TaskState::Queued)) {
        let waiting = starting(scene, task_id);
        let claim = Claim::of_instances(waiting, Fate::NeverStarts, why).when(When::StartOrResume);
        return claim;
    }
    Claim::of_task(task_id, Fate::NeverStarts, why)
}

fn noted(scene: &Scene, task_id: &TaskId, why: &str) -> Option<Claim> {
    let waiting = starting(scene, task_id);
    (!waiting.is_empty()).then(|| Claim::of_instances(waiting, Fate::Noted, why))
}

/// Instances of the task which start from now on, or start again.
fn starting(scene: &Scene, task_id: &TaskId) -> Vec<(TaskId, MapIndex)> {
    let starts = |i: &&TaskInstance| unfinished(i) && !matches!(i.state, TaskState::Running | TaskState::Queued);
    of(scene.run, task_id).filter(starts).map(|i| (i.task_id.clone(), i.map_index)).collect()
}
