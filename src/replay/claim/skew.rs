//! Deployed DAGs beside proposed plugins.

use super::super::{Harm, Scene, of};
use super::{Claim, Fate, When};
use crate::diff::{Meets, Mixture, Skew};
use crate::facts::{TaskInstance, TaskState};
use crate::ids::TaskId;
use std::collections::BTreeSet;

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &Skew, scene: &Scene) -> Vec<Claim> {
    match kind {
        Skew::Pinned(mixture) if scene.pinned() => pinned(mixture, scene),
        Skew::Between { mixture, .. } => between(mixture, scene),
        Skew::Pinned(_) => Vec::new(),
    }
}

/// The tasks that it is about.
pub(super) fn about(kind: &Skew) -> Vec<TaskId> {
    match kind {
        Skew::Pinned(mixture) | Skew::Between { mixture, .. } => match &mixture.meets {
            Meets::All => Vec::new(),
            Meets::Missing(tasks) | Meets::Elements { tasks, .. } | Meets::Tasks { tasks, .. } => tasks.clone(),
            Meets::Meaning { moved, fresh } => {
                moved.iter().flat_map(|(from, to)| [from, to]).chain(fresh).cloned().collect()
            }
        },
    }
}

/// What it can do to a run in the worst state.
pub(super) fn worst(kind: &Skew) -> (Harm, &'static str) {
    match kind {
        Skew::Pinned(_) => (Harm::None, "a run that is pinned to its commit would meet plugins that do not fit it"),
        Skew::Between { .. } => (Harm::Soft, "a task that starts in a window of milliseconds would fail"),
    }
}

/// The elements that a pinned run finds at the indexes of a mapped task: those of its commit, then what the
/// proposed plugins make of them.
pub(in crate::replay) fn elements(kind: &Skew) -> Option<(&[TaskId], &[String], &[String])> {
    match kind {
        Skew::Pinned(Mixture { meets: Meets::Elements { tasks, before, after }, .. }) => Some((tasks, before, after)),
        _ => None,
    }
}

/// Pairs of ids, deployed and proposed, and ids whose work is new.
pub(in crate::replay) type Meant<'a> = (&'a [(TaskId, TaskId)], &'a [TaskId]);

/// The work that a pinned run's ids do with the proposed plugins, where it is not that of its commit: pairs as
/// those of [`identity::goes_on`](super::identity::goes_on), and ids whose work is new.
pub(in crate::replay) fn meaning(kind: &Skew) -> Option<Meant<'_>> {
    match kind {
        Skew::Pinned(Mixture { meets: Meets::Meaning { moved, fresh }, .. }) => Some((moved, fresh)),
        _ => None,
    }
}

fn pinned(mixture: &Mixture, scene: &Scene) -> Vec<Claim> {
    let Mixture { within, why, meets } = mixture;
    match meets {
        Meets::All => {
            let why = format!("cannot load `{within}` of its commit with the proposed plugins: {why},");
            let ids: BTreeSet<&TaskId> = scene.run.task_instances.iter().map(|instance| &instance.task_id).collect();
            not_loaded(scene, ids.into_iter(), &why)
        }
        Meets::Missing(tasks) => {
            let why = format!("cannot be loaded with the proposed plugins: {why},");
            not_loaded(scene, tasks.iter(), &why)
        }
        // What an index or an id means is the simulation's.
        Meets::Elements { .. } | Meets::Meaning { .. } => Vec::new(),
        Meets::Tasks { tasks, at_start, at_resume } => {
            let when = match (at_start, at_resume) {
                (true, true) => When::StartOrResume,
                (true, false) => When::Start,
                (false, _) => When::Resume,
            };
            let why = format!("fails with the proposed plugins: {why}");
            tasks.iter().map(|task_id| Claim::fails(task_id, why.clone()).when(when)).collect()
        }
    }
}

/// A worker that cannot load a task puts it back three times, a minute apart, and fails it then; what a sensor
/// has rescheduled counts among these (3.3.2). What has never been put back is said to wait: those minutes are
/// time to bring the plugins back.
pub(super) fn not_loaded<'t>(scene: &Scene, tasks: impl Iterator<Item = &'t TaskId>, why: &str) -> Vec<Claim> {
    let mut claims = Vec::new();
    for task_id in tasks {
        let waits = |instance: &&TaskInstance| instance.state == TaskState::UpForReschedule;
        let looked: Vec<_> = of(scene.run, task_id).filter(waits).map(|i| (i.task_id.clone(), i.map_index)).collect();
        if looked.is_empty() {
            claims.push(Claim::of_task(task_id, Fate::NeverEnds, why));
        } else {
            claims.push(Claim::of_instances(looked, Fate::Fails, why).when(When::StartOrResume));
        }
    }
    claims
}

/// Only what is about to start can start within the window.
fn between(mixture: &Mixture, scene: &Scene) -> Vec<Claim> {
    let meets = |task_id: &TaskId| match &mixture.meets {
        Meets::All => true,
        Meets::Missing(tasks) => tasks.contains(task_id),
        Meets::Elements { .. } | Meets::Meaning { .. } => false,
        Meets::Tasks { tasks, at_start, .. } => *at_start && tasks.contains(task_id),
    };
    let about_to_start: Vec<_> = scene
        .run
        .task_instances
        .iter()
        .filter(|instance| matches!(instance.state, TaskState::Queued | TaskState::Scheduled))
        .filter(|instance| meets(&instance.task_id))
        .map(|instance| (instance.task_id.clone(), instance.map_index))
        .collect();
    if about_to_start.is_empty() {
        return Vec::new();
    }
    let why = format!("fails if it starts in a window of milliseconds: {}", mixture.why);
    vec![Claim::of_instances(about_to_start, Fate::Noted, why)]
}
