//! Options of tasks and DAGs.
//!
//! Read in the sources of 2.6.2, 2.11.2 and 3.3.2, and measured (retries_lowered_pending,
//! dagrun_timeout_cut): on 2.x an instance that starts takes its options from the code, but for the
//! number of tries that it was made with, so that only retries that go altogether matter; on 3.x it
//! keeps what it was made with. The limit of a run is read from the code on all of them.

use super::super::{Harm, Scene, of, unfinished};
use super::{Claim, Fate};
use crate::diff::Settings;
use crate::facts::{TaskInstance, TaskState};
use crate::ids::{MapIndex, TaskId};

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &Settings, scene: &Scene) -> Vec<Claim> {
    if scene.pinned() {
        return Vec::new();
    }
    match kind {
        // A process that runs has loaded the deployed code, and its failure is one more try; what
        // starts from now on is not tried again.
        Settings::RetriesLowered { task_id, after: 0, .. } if scene.may_be_2() => {
            let runs = |instance: &&TaskInstance| instance.state == TaskState::Running;
            let mut claims = noted(of(scene.run, task_id).filter(runs), "is tried again as it is now, but only once");
            claims.push(Claim::of_task(task_id, Fate::Fails, "is not tried again after a failure on 2.x"));
            claims
        }
        Settings::DagrunTimeoutLowered { after, .. } => run_limit(scene, *after).into_iter().collect(),
        Settings::ExecutionTimeoutLowered { task_id, after, .. } => task_limit(scene, task_id, *after),
        Settings::CallbackRemoved { task_id, callback } => {
            let of_task =
                |instance: &&TaskInstance| task_id.as_ref().is_none_or(|task_id| instance.task_id == *task_id);
            let open = scene.run.task_instances.iter().filter(of_task).filter(|instance| unfinished(instance));
            noted(open, &format!("ends without `{callback}`"))
        }
        Settings::RetriesLowered { .. }
        | Settings::PlaceChanged { .. }
        | Settings::ScheduleChanged { .. }
        | Settings::StartDateMoves { .. }
        | Settings::MaxActiveRunsLowered { .. }
        | Settings::RunsForThePast { .. } => Vec::new(),
    }
}

/// The tasks that it is about.
pub(super) fn about(kind: &Settings) -> Vec<TaskId> {
    match kind {
        Settings::RetriesLowered { task_id, .. }
        | Settings::ExecutionTimeoutLowered { task_id, .. }
        | Settings::PlaceChanged { task_id, .. } => vec![task_id.clone()],
        Settings::CallbackRemoved { task_id, .. } => task_id.iter().cloned().collect(),
        Settings::DagrunTimeoutLowered { .. }
        | Settings::ScheduleChanged { .. }
        | Settings::StartDateMoves { .. }
        | Settings::MaxActiveRunsLowered { .. }
        | Settings::RunsForThePast { .. } => Vec::new(),
    }
}

/// What it can do to a run in the worst state.
pub(super) fn worst(kind: &Settings) -> (Harm, &'static str) {
    match kind {
        Settings::RetriesLowered { after: 0, .. } => {
            (Harm::Breaks, "on 2.x an instance that fails would not be tried again, and its run would fail")
        }
        Settings::RetriesLowered { .. } => (Harm::None, "an instance keeps the number of tries that it was made with"),
        Settings::DagrunTimeoutLowered { .. } => (Harm::Breaks, "a run older than the limit would fail at once"),
        Settings::ExecutionTimeoutLowered { .. } => {
            (Harm::Soft, "on 2.x a deferred instance could be over the limit when it resumes")
        }
        Settings::CallbackRemoved { .. } => (Harm::Soft, "an instance could end without anybody being told"),
        Settings::PlaceChanged { .. }
        | Settings::ScheduleChanged { .. }
        | Settings::StartDateMoves { .. }
        | Settings::MaxActiveRunsLowered { .. }
        | Settings::RunsForThePast { .. } => (Harm::None, "a run in flight is not touched"),
    }
}

fn noted<'a>(instances: impl Iterator<Item = &'a TaskInstance>, why: &str) -> Vec<Claim> {
    let ids: Vec<(TaskId, MapIndex)> = instances.map(|i| (i.task_id.clone(), i.map_index)).collect();
    if ids.is_empty() { Vec::new() } else { vec![Claim::of_instances(ids, Fate::Noted, why)] }
}

/// The scheduler compares the age of a run with the limit of the code at each turn.
fn run_limit(scene: &Scene, after: Option<i64>) -> Option<Claim> {
    let start = scene.run.start_date?;
    let age = scene.now.map(|now| now.as_second() - start.as_second());
    let why = match (age, after) {
        (Some(age), Some(after)) if age <= after => return None,
        (Some(age), Some(_)) => format!("the run is {} old, which is over its limit", long(age)),
        _ => "the run may be over its limit".to_string(),
    };
    Some(Claim::of_run(Fate::Fails, why))
}

/// On 2.x a deferred instance that resumes has the rest of its limit, reckoned from its first start,
/// which cannot have been before the run's. 3.3.2 gives it the whole limit again.
fn task_limit(scene: &Scene, task_id: &TaskId, after: i64) -> Vec<Claim> {
    let over = match (scene.now, scene.run.start_date) {
        (Some(now), Some(start)) => now.as_second() - start.as_second() > after,
        _ => true,
    };
    if !over || !scene.may_be_2() {
        return Vec::new();
    }
    let deferred = of(scene.run, task_id).filter(|instance| instance.state == TaskState::Deferred);
    noted(deferred, "can be over the limit when it resumes, and fails then")
}

fn long(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}
