//! What is worth knowing and hurts no run.

use super::super::{Harm, Scene, of, unfinished};
use super::{Claim, Fate};
use crate::diff::Notice;
use crate::facts::{TaskInstance, TaskState};
use crate::ids::{MapIndex, TaskId};

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &Notice, scene: &Scene) -> Vec<Claim> {
    match kind {
        Notice::BodyChanged { tasks, .. } if !scene.pinned() => {
            let waiting: Vec<_> = tasks.iter().flat_map(|task_id| to_run(scene, task_id)).collect();
            if waiting.is_empty() {
                return Vec::new();
            }
            vec![Claim::of_instances(waiting, Fate::Noted, "will run the proposed code")]
        }
        _ => Vec::new(),
    }
}

/// Instances that load the code of the task from now on. One that runs has loaded it.
fn to_run(scene: &Scene, task_id: &TaskId) -> Vec<(TaskId, MapIndex)> {
    let waits = |i: &&TaskInstance| unfinished(i) && i.state != TaskState::Running;
    of(scene.run, task_id).filter(waits).map(|i| (i.task_id.clone(), i.map_index)).collect()
}

/// The tasks that it is about. What the simulation finds about their instances was not caused by it.
pub(super) fn about(_: &Notice) -> Vec<TaskId> {
    Vec::new()
}

/// What it can do to a run in the worst state.
pub(super) fn worst(_: &Notice) -> (Harm, &'static str) {
    (Harm::None, "a run in flight is not touched")
}
