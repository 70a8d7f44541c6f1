//! Ids that go, change or come back, and what stands behind them.

use super::super::{Harm, Scene, of};
use super::{Claim, Fate, When};
use crate::diff::{Identity, KnownBy};
use crate::facts::TaskState;
use crate::ids::TaskId;

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &Identity, scene: &Scene) -> Vec<Claim> {
    match kind {
        Identity::DagRemoved => vec![Claim::of_run(Fate::CannotLoad, "the DAG is not defined any more")],
        Identity::DagRenamed { to } => {
            vec![Claim::of_run(Fate::CannotLoad, format!("the DAG goes on as `{to}`, without this run"))]
        }
        _ if scene.pinned() => Vec::new(),
        Identity::TaskRemoved { .. } => Vec::new(),
        Identity::TaskRenamed { from, known, .. } => readers(scene, std::slice::from_ref(from), known),
        Identity::GroupChanged { members, known, .. } => {
            let from: Vec<TaskId> = members.iter().map(|(from, _)| from.clone()).collect();
            readers(scene, &from, known)
        }
        Identity::DagFileMoved { .. } => {
            let queued = scene.run.task_instances.iter().filter(|instance| instance.state == TaskState::Queued);
            let queued: Vec<_> = queued.map(|instance| (instance.task_id.clone(), instance.map_index)).collect();
            let why = "carries the deployed file's path and may not find its DAG there";
            if queued.is_empty() { Vec::new() } else { vec![Claim::of_instances(queued, Fate::Noted, why)] }
        }
    }
}

/// The tasks that it is about.
pub(super) fn about(kind: &Identity) -> Vec<TaskId> {
    match kind {
        Identity::TaskRemoved { task_id } => vec![task_id.clone()],
        Identity::TaskRenamed { from, to, .. } => vec![from.clone(), to.clone()],
        Identity::GroupChanged { members, .. } => {
            members.iter().flat_map(|(from, to)| [from.clone(), to.clone()]).collect()
        }
        Identity::DagRemoved | Identity::DagRenamed { .. } | Identity::DagFileMoved { .. } => Vec::new(),
    }
}

/// Which proposed task does the work of which deployed one, where that is not the one of the same id:
/// deployed, then proposed.
pub(in crate::replay) fn goes_on(kind: &Identity) -> Vec<(TaskId, TaskId)> {
    match kind {
        Identity::TaskRenamed { from, to, .. } => vec![(from.clone(), to.clone())],
        Identity::GroupChanged { members, .. } => members.clone(),
        Identity::TaskRemoved { .. }
        | Identity::DagRemoved
        | Identity::DagRenamed { .. }
        | Identity::DagFileMoved { .. } => Vec::new(),
    }
}

/// What it can do to a run in the worst state.
pub(super) fn worst(kind: &Identity) -> (Harm, &'static str) {
    match kind {
        Identity::DagFileMoved { .. } => (Harm::Soft, "a queued instance may look for the file at its deployed place"),
        Identity::DagRemoved | Identity::DagRenamed { .. } => {
            (Harm::Breaks, "a run in flight would stay `running` without an end")
        }
        Identity::TaskRemoved { .. } => (Harm::Breaks, "an unfinished instance would never run"),
        Identity::TaskRenamed { .. } | Identity::GroupChanged { .. } => {
            (Harm::Breaks, "a finished instance would run a second time, a waiting one would be lost")
        }
    }
}

/// What reads a value, or waits for it, by an id that is gone.
fn readers(scene: &Scene, from: &[TaskId], known: &KnownBy) -> Vec<Claim> {
    // The values of what has finished stay, under the deployed id.
    let Some(open) = from.iter().find(|id| of(scene.run, id).any(|instance| instance.state != TaskState::Success))
    else {
        return Vec::new();
    };
    let mut claims: Vec<Claim> = known
        .tasks
        .iter()
        .map(|task_id| {
            Claim::other_value(task_id, format!("still names `{open}` and finds no value there"))
                .when(When::StartOrResume)
                .unless_stored(open.clone())
        })
        .collect();
    if let Some((dag_id, task_id)) = known.elsewhere.first() {
        let why = format!("`{task_id}` of DAG `{dag_id}` still names `{open}` and may wait for it for ever");
        claims.push(Claim::of_run(Fate::HurtsElsewhere, why));
    }
    claims
}
