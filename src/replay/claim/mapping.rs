//! Lists that tasks and groups are mapped over: an index is an identity.

mod shape;

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
            let mut claims = shape::restored(scene, subject, *before..*after);
            if live {
                claims.push(Claim::of_run(Fate::Noted, why));
            }
            claims
        }
        // What a count or a list makes of the instances follows from the two graphs, and the same values
        // under another name are the same elements.
        MappingChange::CountChanged { .. } | MappingChange::ArgumentsChanged { same_values: true, .. } => Vec::new(),
        MappingChange::ItemsChanged { subject, before, after } => shape::mixed(scene, subject, before, after),
        MappingChange::MadePlain { subject } => shape::made_plain(scene, subject),
        MappingChange::MadeMapped { subject, producers } => shape::made_mapped(scene, subject, producers),
        MappingChange::SourceChanged { subject, before, after, producers, .. } => {
            shape::source(scene, subject, (before, after), producers)
        }
        MappingChange::TransformChanged { subject, same_elements, .. } => {
            shape::transform(scene, subject, *same_elements)
        }
        MappingChange::ArgumentsChanged { subject, .. } => shape::arguments(scene, subject),
        MappingChange::PartialChanged { subject, arguments } => shape::partial(scene, subject, arguments),
    }
}

/// The tasks that it is about.
pub(super) fn about(kind: &MappingChange) -> Vec<TaskId> {
    kind.mapped().tasks().to_vec()
}

/// The elements of each instance on both sides, where they changed: deployed, then proposed.
pub(in crate::replay) fn elements(kind: &MappingChange) -> Option<(&[TaskId], &[String], &[String])> {
    match kind {
        MappingChange::ItemsChanged { subject, before, after } => Some((subject.tasks(), before, after)),
        _ => None,
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
        MappingChange::MadeMapped { .. } => {
            (Harm::Breaks, "an instance would be removed and nothing take its place, or the run fail")
        }
        MappingChange::MadePlain { .. } => {
            (Harm::Breaks, "each instance that has not run would do all of the work, or fail")
        }
        MappingChange::SourceChanged { .. } => {
            (Harm::Breaks, "instances of a run in flight would be removed, or do other elements")
        }
        MappingChange::ArgumentsChanged { same_values: true, .. } => (Harm::None, "nothing happens to it"),
        MappingChange::TransformChanged { .. } | MappingChange::ArgumentsChanged { .. } => {
            (Harm::Breaks, "instances that have not run would take other elements")
        }
        MappingChange::PartialChanged { .. } => {
            (Harm::Breaks, "instances of a run half-way through would do their work in another way than the first")
        }
    }
}
