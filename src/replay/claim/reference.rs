//! What is named beyond the DAG.

use super::super::{Effect, Harm, Scene};
use crate::diff::Reference;

/// What becomes of the run.
pub(in crate::replay) fn effect(kind: &Reference, _: &Scene) -> Effect {
    match *kind {}
}

/// What it can do to a run in the worst state.
pub(in crate::replay) fn worst(kind: &Reference) -> (Harm, &'static str) {
    match *kind {}
}
