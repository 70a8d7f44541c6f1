//! Options of tasks and DAGs.

use super::super::{Harm, Scene};
use super::Claim;
use crate::diff::Settings;
use crate::ids::TaskId;

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &Settings, _: &Scene) -> Vec<Claim> {
    match *kind {}
}

/// The tasks that it is about.
pub(super) fn about(kind: &Settings) -> Vec<TaskId> {
    match *kind {}
}

/// What it can do to a run in the worst state.
pub(super) fn worst(kind: &Settings) -> (Harm, &'static str) {
    match *kind {}
}
