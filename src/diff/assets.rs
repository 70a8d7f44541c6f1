//! Assets (datasets before Airflow 3): tasks that update them, and DAGs that run when they are updated.

use super::{Certainty, Change, Kind, Reference, Side};
use crate::dag::{Dag, Task};
use crate::ids::DagId;
use crate::python::literal;
use std::collections::BTreeSet;

const CLASSES: [&str; 4] = ["Asset", "Dataset", "AssetAlias", "DatasetAlias"];

/// Assets that a task updated and no task of its DAG updates any more, although a proposed DAG still
/// waits for them.
pub(super) fn changes(dag: &Dag, (proposed, other): (Side, &Dag)) -> Vec<Change> {
    let mut changes = Vec::new();
    let updated: BTreeSet<String> = other.tasks.iter().flat_map(outlets).collect();
    for task in &dag.tasks {
        let Some(task_id) = task.task_id.exact() else { continue };
        let Some(after) = other.task(task_id) else { continue };
        for uri in outlets(task).into_iter().filter(|uri| !updated.contains(uri)) {
            let consumers = consumers(proposed, &uri);
            if consumers.is_empty() || !is_known(after) {
                continue;
            }
            changes.push(Change {
                kind: Kind::Reference(Reference::OutletGone { task_id: task_id.clone(), uri, consumers }),
                dags: vec![dag.dag_id.clone()],
                certainty: Certainty::Certain,
                deployed: Some(task.at.clone()),
                proposed: Some(after.at.clone()),
            });
        }
    }
    changes
}

fn outlets(task: &Task) -> Vec<String> {
    let text = task.arguments.get("outlets").unwrap_or_default();
    if text.is_empty() { Vec::new() } else { literal::given_to(text, &CLASSES, &[]) }
}

/// Whether all that a task updates can be read.
fn is_known(task: &Task) -> bool {
    match task.arguments.get("outlets") {
        None => true,
        Some(text) => matches!(text, "None" | "[]") || !outlets(task).is_empty(),
    }
}

/// The DAGs that run when that asset is updated.
fn consumers(side: Side, uri: &str) -> Vec<DagId> {
    let waits = |dag: &&Dag| {
        let text = super::text(side.snapshot, &dag.at);
        // Most DAGs wait for a time.
        text.contains(uri) && literal::given_to(&text, &CLASSES, &["schedule"]).iter().any(|known| known == uri)
    };
    side.model.dags.iter().map(AsRef::as_ref).filter(waits).filter_map(|dag| dag.dag_id.exact().cloned()).collect()
}
