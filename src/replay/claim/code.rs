//! Contracts between pieces of code.

use super::super::{Effect, Harm, Scene};
use crate::diff::Code;

/// What becomes of the run.
pub(in crate::replay) fn effect(kind: &Code, _: &Scene) -> Effect {
    match *kind {}
}

/// What it can do to a run in the worst state.
pub(in crate::replay) fn worst(kind: &Code) -> (Harm, &'static str) {
    match *kind {}
}
