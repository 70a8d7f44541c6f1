//! Tasks that come back: new to the deployed side, and known to a run in flight that lost them in an
//! earlier change. A revert shows so.

use crate::diff::{Change, Identity, Kind};
use crate::facts::{Facts, Seen, TaskState};

/// The change as the live facts show it: a task that is added is one that comes back, where a run in
/// flight holds it as `removed`.
pub(super) fn seen(change: &Change, facts: &Facts) -> Change {
    let Kind::Identity(Identity::TaskAdded { task_id }) = &change.kind else { return change.clone() };
    let mut runs = facts
        .instances
        .iter()
        .flat_map(|instance| change.dags.iter().filter_map(|id| id.exact()).map(|id| instance.dag(id)))
        .filter_map(|dag| match dag {
            Seen::Known(dag) => Some(&dag.runs),
            Seen::NotVisible | Seen::Unavailable(_) => None,
        })
        .flatten();
    let gone = runs.any(|run| {
        let mut instances = run.task_instances.iter();
        run.bundle_version.is_none()
            && instances.any(|instance| instance.task_id == *task_id && instance.state == TaskState::Removed)
    });
    if gone {
        let kind = Kind::Identity(Identity::TaskRestored { task_id: task_id.clone() });
        Change { kind, ..change.clone() }
    } else {
        change.clone()
    }
}
