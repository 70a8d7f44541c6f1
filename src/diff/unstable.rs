//! Ids that are others at each parse: what is made under them is taken away by the next one.

use super::{Certainty, Change, Kind, Notice, Side};
use crate::dag::{Dag, Unknown};

/// What gives another value at each call, by the beginning of its path.
const SOURCES: [&str; 6] = ["random.", "uuid.", "secrets.", "time.time", "time.monotonic", "time.perf_counter"];
/// The same by the end of it.
const CLOCKS: [&str; 4] = [".now", ".utcnow", ".today", ".token_hex"];

/// DAGs of the proposed side whose id, or that of one of their tasks, is made of such a source, and was
/// not.
pub(super) fn changes(deployed: Side, proposed: Side) -> Vec<Change> {
    let mut found = Vec::new();
    for dag in &proposed.model.dags {
        let Some(unknown) = dag.unknown.iter().find(|unknown| moves(unknown)) else { continue };
        let was = deployed.model.of_file(&dag.file).iter().find(|was| was.dag_id == dag.dag_id);
        if was.is_some_and(|was| was.unknown.iter().any(moves)) {
            continue;
        }
        let Some((of_dag, task)) = subject(dag) else { continue };
        found.push(Change {
            kind: Kind::Notice(Notice::IdMoves { of_dag, task, why: unknown.reason.clone() }),
            dags: vec![dag.dag_id.clone()],
            certainty: Certainty::Certain,
            deployed: was.map(|was| was.at.clone()),
            proposed: Some(unknown.at.clone()),
        });
    }
    found
}

/// Whose id is not in the text: the DAG's, or the first task's.
fn subject(dag: &Dag) -> Option<(bool, Option<String>)> {
    if dag.dag_id.exact().is_none() {
        return Some((true, None));
    }
    let task = dag.tasks.iter().find(|task| task.task_id.exact().is_none())?;
    Some((false, Some(task.task_id.to_string())))
}

fn moves(unknown: &Unknown) -> bool {
    let path = unknown.reason.split('`').nth(1).unwrap_or_default();
    SOURCES.iter().any(|begin| path.starts_with(begin)) || CLOCKS.iter().any(|end| path.ends_with(end))
}
