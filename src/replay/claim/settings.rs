//! Options of tasks and DAGs.

use super::super::{Effect, Harm, Scene};
use crate::diff::Settings;

/// What becomes of the run.
pub(in crate::replay) fn effect(kind: &Settings, _: &Scene) -> Effect {
    match *kind {}
}

/// What it can do to a run in the worst state.
pub(in crate::replay) fn worst(kind: &Settings) -> (Harm, &'static str) {
    match *kind {}
}
