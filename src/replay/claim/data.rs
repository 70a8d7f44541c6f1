//! Values that pass between tasks: stored under one revision, read under another.

use super::super::{Harm, Scene, of, unfinished};
use super::Claim;
use crate::diff::Data;
use crate::facts::{TaskInstance, TaskState};
use crate::ids::TaskId;

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &Data, scene: &Scene) -> Vec<Claim> {
    match kind {
        _ if scene.pinned() => Vec::new(),
        Data::TypeChanged { producer, consumer, consumer_changes, .. } => {
            xcom(scene, producer, consumer, *consumer_changes)
        }
    }
}

/// The tasks that it is about.
pub(super) fn about(kind: &Data) -> Vec<TaskId> {
    match kind {
        Data::TypeChanged { producer, consumer, .. } => vec![producer.clone(), consumer.clone()],
    }
}

/// What it can do to a run in the worst state.
pub(super) fn worst(kind: &Data) -> (Harm, &'static str) {
    match kind {
        Data::TypeChanged { .. } => (Harm::Breaks, "a task of a run in flight would get a value of another type"),
    }
}

fn xcom(scene: &Scene, producer: &TaskId, consumer: &TaskId, consumer_changes: bool) -> Vec<Claim> {
    // A producer that runs now has loaded the deployed code; one that starts later, or again,
    // stores what the proposed code returns.
    let runs_proposed = |instance: &TaskInstance| {
        unfinished(instance) && !matches!(instance.state, TaskState::Running | TaskState::Other(_))
    };
    let (will_store_proposed, stored_deployed): (Vec<_>, Vec<_>) =
        of(scene.run, producer).partition(|instance| runs_proposed(instance));
    if !consumer_changes && !will_store_proposed.is_empty() {
        let why = format!("was written for the type that the deployed `{producer}` returns, and gets another");
        return vec![Claim::fails(consumer, why)];
    }
    if consumer_changes && !stored_deployed.is_empty() {
        let why = format!("will be run by code for the proposed type, and `{producer}` has returned the deployed one");
        return vec![Claim::fails(consumer, why)];
    }
    Vec::new()
}
