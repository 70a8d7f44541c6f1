//! Deployed DAGs with proposed plugins: trees that are neither side, for runs that are pinned to their
//! commit and for the moments between two steps of a delivery.

use crate::content::Snapshot;
use crate::dag::{Model, Models};
use crate::diff::{self, Change, Mixed, Side};
use crate::rules::Policy;

/// Adds what goes wrong in those trees alone; `marked` is the proposed tree as its model saw it.
pub(super) fn add(
    models: &Models,
    ((deployed, proposed), marked): ((Side, Side), &Snapshot),
    safe_mode: bool,
    policy: &Policy,
    changes: &mut Vec<Change>,
) {
    if deployed.snapshot.is_empty() {
        return;
    }
    let mixed = diff::mixed(deployed.snapshot, proposed.snapshot, marked, policy.layout);
    let built: Vec<(Mixed, Model)> = mixed
        .into_iter()
        .map(|mixed| {
            let model = models.build(&mixed.snapshot, policy.layout, policy.airflow);
            let model = if safe_mode { model } else { model.without_safe_mode() };
            (mixed, model)
        })
        .collect();
    let built: Vec<(&Mixed, &Model)> = built.iter().map(|(mixed, model)| (mixed, model)).collect();
    diff::skewed(deployed, proposed, &built, policy.layout, changes);
}
