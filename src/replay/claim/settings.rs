//! Options of tasks and DAGs.
//!
//! Read in the sources of 2.6.2, 2.11.2 and 3.3.2, and measured (retries_lowered_pending,
//! dagrun_timeout_cut): on 2.x an instance that starts takes its options from the code, but for the
//! number of tries that it was made with, so that only retries that go altogether matter; on 3.x it
//! keeps what it was made with. The limit of a run is read from the code on all of them.

use super::super::{Harm, Scene, of, unfinished};
use super::environment::never_queued;
use super::{Claim, Fate, When};
use crate::diff::Settings;
use crate::facts::{TaskInstance, TaskState};
use crate::ids::{MapIndex, TaskId};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &Settings, scene: &Scene) -> Vec<Claim> {
    match kind {
        // How many instances of the DAG run at a time, the scheduler reads of the newest parse, whatever the run is
        // pinned to (read in 3.3.2).
        Settings::NothingStarts { task_id: None, option, after, .. } => {
            let all = scene.proposed.into_iter().flat_map(|dag| &dag.tasks).filter_map(|task| task.task_id.exact());
            return all.map(|task_id| none_starts(scene, task_id, option, *after)).collect();
        }
        _ if scene.pinned() => return Vec::new(),
        Settings::NothingStarts { task_id: Some(task_id), option, after, .. } => {
            return vec![none_starts(scene, task_id, option, *after)];
        }
        _ => {}
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
        Settings::SensorTimeoutLowered { task_id, after, .. } => sensor_limit(scene, task_id, *after),
        Settings::EndDateMoved { task_id, before, after } => ended(scene, task_id.as_ref(), *before, *after),
        Settings::CallbackRemoved { task_id, callback } => {
            let of_task =
                |instance: &&TaskInstance| task_id.as_ref().is_none_or(|task_id| instance.task_id == *task_id);
            let open = scene.run.task_instances.iter().filter(of_task).filter(|instance| unfinished(instance));
            noted(open, &format!("ends without `{callback}`"))
        }
        Settings::RetriesLowered { .. }
        | Settings::PlaceChanged { .. }
        | Settings::NothingStarts { .. }
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
        | Settings::SensorTimeoutLowered { task_id, .. }
        | Settings::PlaceChanged { task_id, .. } => vec![task_id.clone()],
        Settings::CallbackRemoved { task_id, .. }
        | Settings::EndDateMoved { task_id, .. }
        | Settings::NothingStarts { task_id, .. } => task_id.iter().cloned().collect(),
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
            (Harm::Breaks, "on 2.x a deferred instance could be over the limit when it resumes, and fail")
        }
        Settings::SensorTimeoutLowered { .. } => {
            (Harm::Breaks, "a sensor that has waited for longer would give up at its next look")
        }
        Settings::EndDateMoved { .. } => (Harm::Breaks, "on 2.x a run with a later date would fail"),
        Settings::NothingStarts { .. } => (Harm::Breaks, "an instance that is not queued yet would never be"),
        Settings::CallbackRemoved { .. } => (Harm::Soft, "an instance could end without anybody being told"),
        Settings::PlaceChanged { .. }
        | Settings::ScheduleChanged { .. }
        | Settings::StartDateMoves { .. }
        | Settings::MaxActiveRunsLowered { .. }
        | Settings::RunsForThePast { .. } => (Harm::None, "a run in flight is not touched"),
    }
}

fn none_starts(scene: &Scene, task_id: &TaskId, option: &str, limit: i64) -> Claim {
    never_queued(scene, task_id, format!("is held back by `{option}={limit}` and"))
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
    if after < 0 {
        return vec![Claim::fails(task_id, "is over its limit before it has begun")];
    }
    if !scene.may_be_2() {
        return Vec::new();
    }
    let why = "has been at it for longer than its limit when it resumes";
    waiting(scene, task_id, &TaskState::Deferred, after, why)
        .into_iter()
        .map(|claim| claim.when(When::Resume))
        .collect()
}

/// A sensor that reschedules reckons its limit from its first look, whatever the limit was then: it looks
/// once more, and gives up.
fn sensor_limit(scene: &Scene, task_id: &TaskId, after: i64) -> Vec<Claim> {
    let why = "has waited for longer than its limit, and gives up at its next look unless it finds what it waits for,";
    waiting(scene, task_id, &TaskState::UpForReschedule, after, why)
        .into_iter()
        .map(|claim| claim.when(When::Start))
        .collect()
}

/// Instances in that state that may have begun as long ago as their run did, which is more than the limit.
fn waiting(scene: &Scene, task_id: &TaskId, state: &TaskState, limit: i64, why: &str) -> Vec<Claim> {
    let over = match (scene.now, scene.run.start_date) {
        (Some(now), Some(start)) => now.as_second() - start.as_second() > limit,
        _ => true,
    };
    let waiting = of(scene.run, task_id).filter(|instance| over && instance.state == *state);
    let ids: Vec<(TaskId, MapIndex)> = waiting.map(|i| (i.task_id.clone(), i.map_index)).collect();
    if ids.is_empty() { Vec::new() } else { vec![Claim::of_instances(ids, Fate::Fails, why)] }
}

/// On 2.x a worker does not begin an instance whose run has a later date than its end, and the scheduler fails
/// it (`RunnableExecDateDep`, measured on 2.6.2 and 2.11.2); 3.3.2 knows no such condition.
fn ended(scene: &Scene, task_id: Option<&TaskId>, before: Option<DateTime>, after: DateTime) -> Vec<Claim> {
    let date = scene.run.logical_date.or(scene.run.start_date).or(scene.now);
    // Zones are not looked at: they decide of hours.
    let date = date.map(|date| date.to_zoned(TimeZone::UTC).datetime());
    let over = |end: DateTime| date.is_none_or(|date| end < date);
    if !scene.may_be_2() || !over(after) || before.is_some_and(over) {
        return Vec::new();
    }
    let all = scene.proposed.into_iter().flat_map(|dag| &dag.tasks).filter_map(|task| task.task_id.exact());
    let tasks = all.filter(|id| task_id.is_none_or(|task_id| task_id == *id));
    let why = format!("is not begun, since the run's date is behind the end on {}", after.date());
    tasks.map(|id| Claim::fails(id, why.clone()).when(When::StartOrResume)).collect()
}

fn long(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}
