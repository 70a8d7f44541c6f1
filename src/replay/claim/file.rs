//! Files that do not import, or that Airflow does not take for a DAG file any more.

use super::super::{Effect, Harm, Scene, stuck};
use crate::diff::FileChange;

/// What becomes of the run.
pub(in crate::replay) fn effect(kind: &FileChange, scene: &Scene) -> Effect {
    match kind {
        FileChange::Broken { path, .. } => stuck(scene.run, &format!("`{path}` does not import")),
    }
}

/// What it can do to a run in the worst state.
pub(in crate::replay) fn worst(kind: &FileChange) -> (Harm, &'static str) {
    match kind {
        FileChange::Broken { .. } => (Harm::Breaks, "a run in flight would stay `running` without an end"),
    }
}
