//! Lists that tasks and groups are mapped over: an index is an identity.

use super::super::{Harm, Scene, of};
use super::{Claim, Fate};
use crate::diff::MappingChange;
use crate::facts::Progress;
use crate::ids::TaskId;

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &MappingChange, scene: &Scene) -> Vec<Claim> {
    if scene.pinned() {
        return Vec::new();
    }
    match kind {
        MappingChange::CountChanged { subject, before, after } if after > before => {
            let live = subject
                .tasks()
                .iter()
                .flat_map(|task_id| of(scene.run, task_id))
                .any(|instance| instance.state.progress() != Progress::Removed);
            let new = after - before;
            let elements = if new == 1 { "element" } else { "elements" };
            let why = format!("it is not sure to run the {new} new {elements} of `{}`", subject.name());
            if live { vec![Claim::of_run(Fate::Noted, why)] } else { Vec::new() }
        }
        MappingChange::CountChanged { .. } | MappingChange::ItemsChanged { .. } => Vec::new(),
    }
}

/// The tasks that it is about.
pub(super) fn about(kind: &MappingChange) -> Vec<TaskId> {
    match kind {
        MappingChange::CountChanged { subject, .. } | MappingChange::ItemsChanged { subject, .. } => {
            subject.tasks().to_vec()
        }
    }
}

/// The elements of each instance on both sides, where they changed: deployed, then proposed.
pub(in crate::replay) fn elements(kind: &MappingChange) -> Option<(&[TaskId], &[String], &[String])> {
    match kind {
        MappingChange::ItemsChanged { subject, before, after } => Some((subject.tasks(), before, after)),
        MappingChange::CountChanged { .. } => None,
    }
}

/// What it can do to a run in the worst state.
pub(super) fn worst(kind: &MappingChange) -> (Harm, &'static str) {
    match kind {
        MappingChange::CountChanged { before, after, .. } if after > before => {
            (Harm::Soft, "a run in flight is not sure to run the new elements")
        }
        MappingChange::CountChanged { .. } => (Harm::Breaks, "instances of a run in flight would be removed"),
        MappingChange::ItemsChanged { .. } => {
            (Harm::Breaks, "a run half-way through the list would do one element twice and another never")
        }
    }
}
