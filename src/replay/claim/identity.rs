//! Ids that go, change or come back, and what stands behind them.

use super::super::{Harm, Scene, of, unfinished};
use super::{Claim, Fate, When, skew};
use crate::dag::{Choice, Dag};
use crate::diff::{Identity, KnownBy};
use crate::facts::TaskState;
use crate::ids::TaskId;
use std::collections::BTreeSet;

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &Identity, scene: &Scene) -> Vec<Claim> {
    match kind {
        Identity::DagRemoved { .. } => vec![Claim::of_run(Fate::CannotLoad, "the DAG is not defined any more")],
        Identity::DagRenamed { to } => {
            vec![Claim::of_run(Fate::CannotLoad, format!("the DAG goes on as `{to}`, without this run"))]
        }
        Identity::DagFileMoved { to, .. } if scene.pinned() => {
            // A worker of 3.x opens the commit of the run at the place where the DAG is read from now (3.3.2).
            let ids: BTreeSet<&TaskId> = scene.run.task_instances.iter().map(|instance| &instance.task_id).collect();
            let why = format!("looks for its DAG in `{to}`, which the commit of its run does not have,");
            skew::not_loaded(scene, ids.into_iter(), &why)
        }
        _ if scene.pinned() => Vec::new(),
        Identity::TaskRenamed { from, to, known, alike } => {
            let mut claims = readers(scene, std::slice::from_ref(from), known);
            claims.extend(doubtful(scene, from, to, *alike));
            claims
        }
        Identity::TaskAdded { task_id } => {
            // One that is there is known from a delivery that was seen.
            let why = format!("`{task_id}` is created in it and runs with the rest");
            let new = of(scene.run, task_id).next().is_none();
            if new { vec![Claim::of_run(Fate::Noted, why)] } else { Vec::new() }
        }
        Identity::TaskRestored { task_id } => restored(scene, task_id),
        Identity::OperatorChanged { task_id, before, after } => operator(scene, task_id, before, after),
        // Which id does which work is all there is to it.
        Identity::TaskRemoved { .. } | Identity::IdsShifted { .. } => Vec::new(),
        Identity::DagDuplicated { first, second } => {
            let why = format!("it goes on with `{first}` or `{second}`, whichever was read last");
            vec![Claim::of_run(Fate::NotKnown, why)]
        }
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
        Identity::TaskRemoved { task_id }
        | Identity::TaskAdded { task_id }
        | Identity::TaskRestored { task_id }
        | Identity::OperatorChanged { task_id, .. } => vec![task_id.clone()],
        Identity::IdsShifted { moved, fresh, ended, .. } => {
            let ids = moved.iter().flat_map(|(from, to)| [from, to]).chain(fresh).chain(ended);
            ids.cloned().collect()
        }
        Identity::TaskRenamed { from, to, .. } => vec![from.clone(), to.clone()],
        Identity::GroupChanged { members, .. } => {
            members.iter().flat_map(|(from, to)| [from.clone(), to.clone()]).collect()
        }
        Identity::DagRemoved { .. }
        | Identity::DagRenamed { .. }
        | Identity::DagFileMoved { .. }
        | Identity::DagDuplicated { .. } => Vec::new(),
    }
}

/// Which proposed task does the work of which deployed one, where that is not the one of the same id:
/// deployed, then proposed.
pub(in crate::replay) fn goes_on(kind: &Identity) -> Vec<(TaskId, TaskId)> {
    match kind {
        Identity::TaskRenamed { from, to, .. } => vec![(from.clone(), to.clone())],
        Identity::GroupChanged { members, .. } => members.clone(),
        Identity::IdsShifted { moved, .. } => moved.clone(),
        Identity::TaskRemoved { .. }
        | Identity::TaskAdded { .. }
        | Identity::TaskRestored { .. }
        | Identity::OperatorChanged { .. }
        | Identity::DagRemoved { .. }
        | Identity::DagRenamed { .. }
        | Identity::DagFileMoved { .. }
        | Identity::DagDuplicated { .. } => Vec::new(),
    }
}

/// Ids of both sides whose proposed work is new, and none of the deployed side's.
pub(in crate::replay) fn fresh(kind: &Identity) -> Vec<TaskId> {
    match kind {
        Identity::IdsShifted { fresh, .. } => fresh.clone(),
        Identity::TaskRemoved { .. }
        | Identity::TaskRenamed { .. }
        | Identity::TaskAdded { .. }
        | Identity::TaskRestored { .. }
        | Identity::OperatorChanged { .. }
        | Identity::GroupChanged { .. }
        | Identity::DagRemoved { .. }
        | Identity::DagRenamed { .. }
        | Identity::DagFileMoved { .. }
        | Identity::DagDuplicated { .. } => Vec::new(),
    }
}

/// What it can do to a run in the worst state.
pub(super) fn worst(kind: &Identity) -> (Harm, &'static str) {
    match kind {
        Identity::DagFileMoved { .. } => (Harm::Soft, "a queued instance may look for the file at its deployed place"),
        Identity::DagRemoved { .. } | Identity::DagRenamed { .. } => {
            (Harm::Breaks, "a run in flight would stay `running` without an end")
        }
        Identity::TaskRemoved { .. } => (Harm::Breaks, "an unfinished instance would never run"),
        Identity::TaskAdded { .. } => (Harm::Soft, "a run in flight would get it too"),
        Identity::TaskRestored { .. } => (Harm::Breaks, "an instance that had gone would run again"),
        Identity::IdsShifted { .. } => {
            (Harm::Breaks, "a run that is half-way would do some of the work twice and some never")
        }
        Identity::OperatorChanged { .. } => {
            (Harm::Breaks, "a deferred instance would be resumed by an operator that does not know how")
        }
        Identity::DagDuplicated { .. } => {
            (Harm::Breaks, "a run in flight would go on with whichever file is read last")
        }
        Identity::TaskRenamed { .. } | Identity::GroupChanged { .. } => {
            (Harm::Breaks, "a finished instance would run a second time, a waiting one would be lost")
        }
    }
}

/// A pairing that is no more than likely: what the rename would repeat may be other work.
fn doubtful(scene: &Scene, from: &TaskId, to: &TaskId, alike: u8) -> Option<Claim> {
    /// From here on a pair is taken for the same task without a word.
    const SURE: u8 = 75;
    let live = of(scene.run, from).any(|instance| instance.state != TaskState::Removed);
    let why = || format!("`{from}` and `{to}` are {alike} % alike and taken for one task");
    (alike < SURE && live).then(|| Claim::of_run(Fate::Noted, why()))
}

/// Airflow gives an instance that was `removed` no state when its task is back: it runs again, also
/// when it had succeeded before.
fn restored(scene: &Scene, task_id: &TaskId) -> Vec<Claim> {
    let back: Vec<_> = of(scene.run, task_id)
        .filter(|instance| instance.state == TaskState::Removed)
        .map(|instance| (instance.task_id.clone(), instance.map_index))
        .collect();
    let why = "comes back without a state and does its work, perhaps a second time";
    if back.is_empty() { Vec::new() } else { vec![Claim::of_instances(back, Fate::WorkAgain, why)] }
}

/// What is resumed is resumed by the proposed class; what starts anew does its work in another way.
fn operator(scene: &Scene, task_id: &TaskId, before: &str, after: &str) -> Vec<Claim> {
    let why = format!("is resumed as `{after}`, by a method that `{before}` had named");
    let mut claims = vec![Claim::of_task(task_id, Fate::Fails, why).when(When::Resume)];
    let again: Vec<_> = of(scene.run, task_id)
        .filter(|instance| {
            matches!(instance.state, TaskState::UpForRetry | TaskState::UpForReschedule | TaskState::Restarting)
        })
        .map(|instance| (instance.task_id.clone(), instance.map_index))
        .collect();
    if !again.is_empty() {
        let why = format!("began as `{before}` and goes on as `{after}`");
        claims.push(Claim::of_instances(again, Fate::Noted, why));
    }
    let choice = |dag: Option<&Dag>| dag.and_then(|dag| dag.task(task_id)).and_then(|task| task.choice);
    let (chose, chooses) = (choice(scene.deployed), choice(scene.proposed));
    if does_nothing(after) && !does_nothing(before) && chose.is_none() {
        let why = format!("is `{after}` now, and what `{before}` was to do is never done");
        claims.push(Claim::of_task(task_id, Fate::OtherWork, why).when(When::Start));
    }
    let decides = match (chose, chooses) {
        // A run that somebody has triggered is never too old for it.
        (None, Some(Choice::LatestOnly)) => scene.run.run_type.as_deref() != Some("manual"),
        (None, Some(_)) | (Some(Choice::ShortCircuit), Some(Choice::Branch)) => true,
        _ => false,
    };
    if decides && of(scene.run, task_id).any(unfinished) {
        let behind = scene.proposed.and_then(|dag| dag.task(task_id)).into_iter().flat_map(|task| &task.downstream);
        let why = format!("may be skipped: `{task_id}` decides as `{after}` what comes after it");
        claims.extend(behind.map(|id| Claim::of_task(id, Fate::Skipped, why.clone()).when(When::Start)));
    }
    claims
}

/// Whether an operator is there for the order alone.
fn does_nothing(operator: &str) -> bool {
    matches!(operator, "EmptyOperator" | "DummyOperator")
}

/// What waits elsewhere for an id that is gone. (What reads its value here is a change of its own.)
fn readers(scene: &Scene, from: &[TaskId], known: &KnownBy) -> Vec<Claim> {
    // What has finished has been seen, under the deployed id.
    let open = |id: &&TaskId| of(scene.run, id).any(|instance| instance.state != TaskState::Success);
    let (Some(open), Some((dag_id, task_id))) = (from.iter().find(open), known.elsewhere.first()) else {
        return Vec::new();
    };
    let why = format!("`{task_id}` of DAG `{dag_id}` still names `{open}` and may wait for it for ever");
    vec![Claim::of_run(Fate::HurtsElsewhere, why)]
}
