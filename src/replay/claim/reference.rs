//! What is named beyond the DAG.

use super::super::{Harm, Scene};
use super::Claim;
use crate::diff::Reference;
use crate::ids::TaskId;

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &Reference, _: &Scene) -> Vec<Claim> {
    match *kind {}
}

/// The tasks that it is about.
pub(super) fn about(kind: &Reference) -> Vec<TaskId> {
    match *kind {}
}

/// What it can do to a run in the worst state.
pub(super) fn worst(kind: &Reference) -> (Harm, &'static str) {
    match *kind {}
}
