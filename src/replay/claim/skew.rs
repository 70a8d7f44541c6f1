//! Deployed DAGs beside proposed plugins.

use super::super::{Harm, Scene};
use super::{Claim, Fate, When};
use crate::diff::{Meets, Mixture, Skew};
use crate::facts::TaskState;
use crate::ids::TaskId;

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &Skew, scene: &Scene) -> Vec<Claim> {
    match kind {
        Skew::Pinned(mixture) if scene.pinned() => pinned(mixture),
        Skew::Between { mixture, .. } => between(mixture, scene),
        Skew::Pinned(_) => Vec::new(),
    }
}

/// The tasks that it is about.
pub(super) fn about(kind: &Skew) -> Vec<TaskId> {
    match kind {
        Skew::Pinned(mixture) | Skew::Between { mixture, .. } => match &mixture.meets {
            Meets::All => Vec::new(),
            Meets::Tasks { tasks, .. } => tasks.clone(),
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

fn pinned(mixture: &Mixture) -> Vec<Claim> {
    let Mixture { within, why, meets } = mixture;
    match meets {
        Meets::All => {
            let why = format!("its commit's `{within}` does not import with the proposed plugins: {why}");
            vec![Claim::of_run(Fate::CannotLoad, why)]
        }
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

/// Only what is about to start can start within the window.
fn between(mixture: &Mixture, scene: &Scene) -> Vec<Claim> {
    let meets = |task_id: &TaskId| match &mixture.meets {
        Meets::All => true,
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
