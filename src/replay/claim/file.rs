//! Files that do not import, or that Airflow does not take for a DAG file any more.

use super::super::{Harm, Scene};
use super::{Claim, Fate};
use crate::diff::FileChange;

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &FileChange, _: &Scene) -> Vec<Claim> {
    match kind {
        FileChange::Broken { path, .. } => vec![Claim::of_run(Fate::CannotLoad, format!("`{path}` does not import"))],
    }
}

/// What it can do to a run in the worst state.
pub(super) fn worst(kind: &FileChange) -> (Harm, &'static str) {
    match kind {
        FileChange::Broken { .. } => (Harm::Breaks, "a run in flight would stay `running` without an end"),
    }
}
