//! Values that pass between tasks: stored under one revision, read under another.

use super::super::{Effect, Harm, Outcome, Scene, of, these, unfinished};
use crate::diff::Data;
use crate::facts::{Run, TaskInstance, TaskState};
use crate::ids::TaskId;

/// What becomes of the run.
pub(in crate::replay) fn effect(kind: &Data, scene: &Scene) -> Effect {
    match kind {
        _ if scene.pinned() => Effect::none(),
        Data::TypeChanged { producer, consumer, consumer_changes, .. } => {
            xcom(scene.run, producer, consumer, *consumer_changes)
        }
    }
}

/// What it can do to a run in the worst state.
pub(in crate::replay) fn worst(kind: &Data) -> (Harm, &'static str) {
    match kind {
        Data::TypeChanged { .. } => (Harm::Breaks, "a task of a run in flight would get a value of another type"),
    }
}

fn xcom(run: &Run, producer: &TaskId, consumer: &TaskId, consumer_changes: bool) -> Effect {
    let waiting: Vec<_> = of(run, consumer).filter(|instance| unfinished(instance)).collect();
    if waiting.is_empty() {
        return Effect::none();
    }
    // A producer that runs now has loaded the deployed code; one that starts later, or again,
    // stores what the proposed code returns.
    let runs_proposed = |instance: &TaskInstance| {
        unfinished(instance) && !matches!(instance.state, TaskState::Running | TaskState::Other(_))
    };
    let starts_consumer_anew = waiting.iter().any(|instance| instance.state != TaskState::Running);
    let (will_store_proposed, stored_deployed): (Vec<_>, Vec<_>) =
        of(run, producer).partition(|instance| runs_proposed(instance));
    if !consumer_changes && !will_store_proposed.is_empty() {
        let sentence = format!(
            "`{producer}` will return the proposed type, and {} was written for the deployed one",
            these(&waiting)
        );
        return Effect::new(Harm::Breaks, [Outcome::Failed], sentence, waiting);
    }
    if consumer_changes && !stored_deployed.is_empty() && starts_consumer_anew {
        let sentence = format!(
            "`{producer}` has returned the deployed type, and {} will be run by code for the proposed one",
            these(&waiting)
        );
        return Effect::new(Harm::Breaks, [Outcome::Failed], sentence, waiting);
    }
    Effect::none()
}
