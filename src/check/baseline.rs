//! Whether what is taken for deployed can be what the Airflows have read.

use crate::content::Snapshot;
use crate::dag::{Dag, Id, Model};
use crate::diff::{Certainty, Change, Kind, Notice};
use crate::facts::{DagFacts, Facts, Run, Seen, TaskState};
use crate::ids::TaskId;
use std::collections::BTreeSet;

/// One change for each DAG of which a run in flight holds what only the proposed side defines: then
/// Airflow has read that already, and the deployed side is an older one. A run that is pinned to a
/// bundle version goes by its own commit and shows nothing.
pub(super) fn behind(deployed: (&Snapshot, &Model), proposed: &Model, facts: &Facts) -> Vec<Change> {
    let (tree, before) = deployed;
    if tree.is_empty() {
        return Vec::new();
    }
    let of_dag = |dag: &Dag| {
        let dag_id = dag.dag_id.exact()?;
        let was = before.dags.iter().find(|was| was.dag_id.exact() == Some(dag_id));
        // What did not import is there all the same, as Airflow has read it before.
        if before.errors.iter().any(|error| dag.file == error.at.path || dag.reaches.contains(&error.at.path)) {
            return None;
        }
        let (tasks, run) = facts.instances.iter().find_map(|instance| match instance.dags.get(dag_id) {
            Some(Seen::Known(seen)) => shown(seen, was.map(AsRef::as_ref), before, dag),
            _ => None,
        })?;
        Some(Change {
            kind: Kind::Notice(Notice::BaselineBehind { tasks, run }),
            dags: vec![Id::Exact(dag_id.clone())],
            certainty: Certainty::Certain,
            deployed: was.map(|was| was.at.clone()),
            proposed: Some(dag.at.clone()),
        })
    };
    super::fresh(before, proposed).into_iter().filter_map(of_dag).collect()
}

/// The tasks that a run holds and only the proposed DAG has, or none where the DAG itself is such; with
/// the run.
fn shown(seen: &DagFacts, was: Option<&Dag>, before: &Model, dag: &Dag) -> Option<(Vec<TaskId>, String)> {
    let runs = || seen.runs.iter().filter(|run| run.bundle_version.is_none());
    let Some(was) = was else {
        // A DAG of an id that the deployed text does not hold may be this one.
        let may_be = before.dags.iter().any(|other| other.dag_id.exact().is_none());
        let run = runs().next().filter(|_| !may_be)?;
        return Some((Vec::new(), run.run_id.to_string()));
    };
    if !was.complete() {
        return None;
    }
    let exact =
        |dag: &Dag| -> BTreeSet<TaskId> { dag.tasks.iter().filter_map(|task| task.task_id.exact().cloned()).collect() };
    let (known, new) = (exact(was), exact(dag));
    runs().find_map(|run| {
        let tasks = only_new(run, &known, &new);
        (!tasks.is_empty()).then(|| (tasks, run.run_id.to_string()))
    })
}

fn only_new(run: &Run, known: &BTreeSet<TaskId>, new: &BTreeSet<TaskId>) -> Vec<TaskId> {
    let is_new = |id: &TaskId| new.contains(id) && !known.contains(id);
    let there = run.task_instances.iter().filter(|instance| instance.state != TaskState::Removed);
    let tasks: BTreeSet<TaskId> = there.map(|i| i.task_id.clone()).filter(is_new).collect();
    tasks.into_iter().collect()
}
