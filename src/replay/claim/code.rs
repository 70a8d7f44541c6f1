//! Contracts between pieces of code.

use super::super::{Harm, Scene};
use super::Claim;
use crate::diff::Code;
use crate::ids::TaskId;

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &Code, _: &Scene) -> Vec<Claim> {
    match *kind {}
}

/// The tasks that it is about.
pub(super) fn about(kind: &Code) -> Vec<TaskId> {
    match *kind {}
}

/// What it can do to a run in the worst state.
pub(super) fn worst(kind: &Code) -> (Harm, &'static str) {
    match *kind {}
}
