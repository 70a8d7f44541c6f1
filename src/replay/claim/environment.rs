//! What a change needs of the Airflow that it runs on.
//!
//! Measured (pool_missing): on 2.x an instance goes by the pool of the code when it is scheduled, and
//! is never queued where that does not exist; on 3.3.2 it keeps the pool that it was made with.

use super::super::{Harm, Scene, of, unfinished};
use super::{Claim, Fate, When};
use crate::diff::Environment;
use crate::facts::{TaskInstance, TaskState};
use crate::ids::{MapIndex, TaskId};

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
            let why = format!("takes more slots than pool `{name}` has, and");
            tasks.iter().map(|task_id| never_queued(scene, task_id, why.clone())).collect()
        }
        Environment::PoolMissing { .. } | Environment::PoolTooSmall { .. } => Vec::new(),
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
    Some(never_queued(scene, task_id, format!("is put into pool `{name}`, which does not exist,")))
}

fn never_queued(scene: &Scene, task_id: &TaskId, why: String) -> Claim {
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
