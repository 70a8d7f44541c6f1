//! Edges, trigger rules, setups and teardowns.

use super::super::{Effect, Harm, Scene};
use crate::diff::Graph;

/// What becomes of the run.
pub(in crate::replay) fn effect(kind: &Graph, _: &Scene) -> Effect {
    match *kind {}
}

/// What it can do to a run in the worst state.
pub(in crate::replay) fn worst(kind: &Graph) -> (Harm, &'static str) {
    match *kind {}
}
