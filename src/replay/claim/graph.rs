//! Edges, trigger rules, setups and teardowns.

use super::super::{Harm, Scene, of, these};
use super::{Claim, Fate, When};
use crate::dag::{Choice, Phase};
use crate::diff::Graph;
use crate::facts::{Progress, TaskInstance};
use crate::ids::TaskId;

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &Graph, scene: &Scene) -> Vec<Claim> {
    match kind {
        _ if scene.pinned() => Vec::new(),
        Graph::UpstreamAdded { task_id, upstream, new } => {
            let chosen = new.then(|| chosen(scene, task_id, upstream)).flatten();
            too_late(scene, task_id, upstream).into_iter().chain(chosen).collect()
        }
        // Nothing orders the two any more: that the other one ends first would be luck.
        Graph::UpstreamRemoved { task_id, upstream, reads } => early(scene, task_id, upstream, reads, |claim, _| claim),
        // What its rule and a branch make of that is the simulation's.
        Graph::DirectUpstreamChanged { .. } => Vec::new(),
        Graph::TriggerRuleChanged { task_id, after, reads, .. } => {
            let Some(task) = scene.proposed.and_then(|dag| dag.task(task_id)) else { return Vec::new() };
            let upstream: Vec<TaskId> = task.upstream.iter().cloned().collect();
            if starts_early(after) { early(scene, task_id, &upstream, reads, Claim::unless_stored) } else { Vec::new() }
        }
        Graph::PhaseChanged { task_id, before, after } => {
            let what = match (before, after) {
                (Phase::Teardown, _) => "runs only if all before it succeeds, and what was set up may stay",
                (_, Phase::Teardown) => "runs whatever becomes of the tasks before it, and decides nothing",
                (Phase::Setup, _) => "is a task like others, which clearing and a failed teardown do not know",
                (_, _) => "is the setup of what comes after it",
            };
            noted(&waiting(scene, task_id), what)
        }
        Graph::Disconnected { task_id } => {
            noted(&waiting(scene, task_id), "waits for nothing any more, and nothing waits for it")
        }
        Graph::DependsOnPast { task_id } => {
            noted(&waiting(scene, task_id), "waits for itself in the run before, for ever if that is missing or failed")
        }
    }
}

/// A new task decides whether what is directly behind it runs.
fn chosen(scene: &Scene, task_id: &TaskId, upstream: &[TaskId]) -> Option<Claim> {
    let by = upstream.iter().find_map(|up| {
        let task = scene.proposed?.task(up)?;
        let choice = task.choice.filter(|_| task.downstream.contains(task_id))?;
        // A run that somebody has triggered is never too old.
        let decides = choice != Choice::LatestOnly || scene.run.run_type.as_deref() != Some("manual");
        decides.then_some(up)
    })?;
    let why = format!("may be skipped: `{by}`, which is new, decides what comes after it");
    Some(Claim::of_task(task_id, Fate::Skipped, why).when(When::Start))
}

/// The tasks that it is about.
pub(super) fn about(kind: &Graph) -> Vec<TaskId> {
    match kind {
        Graph::UpstreamAdded { task_id, .. }
        | Graph::UpstreamRemoved { task_id, .. }
        | Graph::DirectUpstreamChanged { task_id, .. }
        | Graph::TriggerRuleChanged { task_id, .. }
        | Graph::PhaseChanged { task_id, .. }
        | Graph::Disconnected { task_id }
        | Graph::DependsOnPast { task_id } => vec![task_id.clone()],
    }
}

/// What it can do to a run in the worst state.
pub(super) fn worst(kind: &Graph) -> (Harm, &'static str) {
    match kind {
        Graph::UpstreamAdded { .. } => {
            (Harm::Breaks, "on 2.x a task that ends meanwhile can start it too early, and the run fails")
        }
        Graph::UpstreamRemoved { reads, .. } if reads.is_empty() => {
            (Harm::Soft, "a task of a run in flight would start before the other has ended")
        }
        Graph::UpstreamRemoved { .. } => {
            (Harm::Breaks, "a task of a run in flight would start before the other has ended, and read nothing")
        }
        Graph::DirectUpstreamChanged { .. } | Graph::TriggerRuleChanged { .. } => {
            (Harm::Breaks, "a task of a run in flight that waits would be skipped, fail or start early")
        }
        Graph::PhaseChanged { .. } => (Harm::Soft, "a run in flight may leave uncleared what was set up"),
        Graph::Disconnected { .. } => (Harm::Soft, "a task of a run in flight would start out of order"),
        Graph::DependsOnPast { .. } => (Harm::Soft, "a task of a run in flight may wait for ever"),
    }
}

fn noted(instances: &[&TaskInstance], what: &str) -> Vec<Claim> {
    if instances.is_empty() {
        return Vec::new();
    }
    let ids = instances.iter().map(|instance| (instance.task_id.clone(), instance.map_index)).collect();
    vec![Claim::of_instances(ids, Fate::Noted, what)]
}

fn waiting<'a>(scene: &Scene<'a>, task_id: &TaskId) -> Vec<&'a TaskInstance> {
    of(scene.run, task_id).filter(|instance| instance.state.progress() == Progress::NotStarted).collect()
}

/// The tasks among these that have not ended, as far as the run has them.
fn open<'t>(scene: &Scene, tasks: &'t [TaskId]) -> Vec<&'t TaskId> {
    let unfinished = |id: &&TaskId| of(scene.run, id).any(|up| up.state.progress() != Progress::Finished);
    tasks.iter().filter(unfinished).collect()
}

fn quoted(ids: &[&TaskId]) -> String {
    ids.iter().take(3).map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
}

/// For a task that has started the new order comes too late. (One that has not is the simulation's.)
fn too_late(scene: &Scene, task_id: &TaskId, upstream: &[TaskId]) -> Option<Claim> {
    let has_ended = |id: &TaskId| {
        let mut any = of(scene.run, id).peekable();
        any.peek().is_some() && any.all(|instance| instance.state.progress() == Progress::Finished)
    };
    let after: Vec<&TaskId> = upstream.iter().filter(|id| !has_ended(id)).collect();
    let started: Vec<_> = of(scene.run, task_id)
        .filter(|instance| matches!(instance.state.progress(), Progress::InProgress | Progress::Finished))
        .collect();
    (!after.is_empty() && !started.is_empty()).then(|| {
        let why =
            format!("{} has started, and {}, which is to come before it, runs after", these(&started), quoted(&after));
        Claim::of_run(Fate::Noted, why)
    })
}

/// A task that can start before others have ended; worse where it reads what those are to return, `unless` that
/// is there.
fn early(
    scene: &Scene,
    task_id: &TaskId,
    upstream: &[TaskId],
    reads: &[TaskId],
    unless: impl Fn(Claim, TaskId) -> Claim,
) -> Vec<Claim> {
    let waiting = waiting(scene, task_id);
    let open_before = open(scene, upstream);
    if waiting.is_empty() || open_before.is_empty() {
        return Vec::new();
    }
    let read = open(scene, reads);
    if read.is_empty() {
        return noted(&waiting, &format!("can start before {} has ended", quoted(&open_before)));
    }
    read.into_iter()
        .map(|up| {
            let why = format!("can start before `{up}` has ended, and reads what that has not returned yet");
            unless(Claim::other_value(task_id, why), up.clone())
        })
        .collect()
}

/// Whether a rule does not wait for everything upstream.
fn starts_early(rule: &str) -> bool {
    matches!(rule, "one_success" | "one_failed" | "one_done" | "always" | "dummy")
}
