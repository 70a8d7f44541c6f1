//! Edges, trigger rules, setups and teardowns.

use super::super::{Harm, Scene};
use super::Claim;
use crate::diff::Graph;
use crate::ids::TaskId;

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &Graph, _: &Scene) -> Vec<Claim> {
    match *kind {}
}

/// The tasks that it is about.
pub(super) fn about(kind: &Graph) -> Vec<TaskId> {
    match *kind {}
}

/// What it can do to a run in the worst state.
pub(super) fn worst(kind: &Graph) -> (Harm, &'static str) {
    match *kind {}
}
