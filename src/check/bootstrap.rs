//! An empty home while runs are in flight: there is no deployed tree to compare with, so the
//! proposed one is held against the live task instances alone.

use crate::content::{Location, Snapshot, Span};
use crate::dag::{Dag, Id, Mapping, Model, Task, Unknown};
use crate::diff::{Certainty, Change, Identity, Kind, Mapped, MappingChange};
use crate::facts::{DagFacts, Facts, Progress, Seen, TaskInstance};
use crate::ids::{DagId, TaskId};
use std::collections::BTreeMap;

/// Unfinished instances whose DAG, task or index the proposed model lacks, as changes.
pub(super) fn changes(proposed: &Snapshot, model: &Model, facts: &Facts) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for instance in &facts.instances {
        for (dag_id, seen) in &instance.dags {
            let Seen::Known(dag) = seen else { continue };
            if dag.runs.is_empty() {
                continue;
            }
            // What two instances miss alike is one change; both are met when it is weighed.
            for change in of_dag(proposed, model, dag_id, dag) {
                if !changes.contains(&change) {
                    changes.push(change);
                }
            }
        }
    }
    changes
}

fn of_dag(proposed: &Snapshot, model: &Model, dag_id: &DagId, facts: &DagFacts) -> Vec<Change> {
    let change = |kind, certainty, at: Option<Location>| Change {
        kind,
        dags: vec![Id::Exact(dag_id.clone())],
        certainty,
        deployed: None,
        proposed: at,
    };
    let Some(dag) = model.dags.iter().find(|dag| dag.dag_id.exact() == Some(dag_id)) else {
        let hidden = model.dags.iter().find(|dag| dag.dag_id.exact().is_none());
        let certainty = hidden.and_then(|dag| dag.unknown.first()).map_or(Certainty::Certain, possible);
        return vec![change(
            Kind::Identity(Identity::DagRemoved { hidden_by: None }),
            certainty,
            any_place(proposed, model),
        )];
    };
    let mut changes = Vec::new();
    for (task_id, highest) in open_tasks(facts) {
        match dag.task(task_id) {
            None => {
                let certainty = dag.unknown.first().map_or(Certainty::Certain, possible);
                let kind = Kind::Identity(Identity::TaskRemoved { task_id: task_id.clone() });
                changes.push(change(kind, certainty, Some(dag.at.clone())));
            }
            Some(task) => {
                let mapped = task.mapped.as_ref().or_else(|| mapped_group(dag, task));
                let count = mapped.and_then(|mapped| Some((mapped.count()?, mapped.at.clone())));
                if let (Some((count, at)), Some(highest)) = (count, highest)
                    && highest >= count
                {
                    let subject = Mapped::Task(task_id.clone());
                    let kind =
                        Kind::Mapping(MappingChange::CountChanged { subject, before: highest + 1, after: count });
                    changes.push(change(kind, Certainty::Certain, Some(at)));
                }
            }
        }
    }
    changes
}

/// A finding needs a place in the tree that is proposed, also about what that tree lacks: its
/// first DAG stands for it, or else its first fault, or else its first file.
fn any_place(proposed: &Snapshot, model: &Model) -> Option<Location> {
    let dag = model.dags.first().map(|dag| dag.at.clone());
    let fault = || model.errors.first().map(|error| error.at.clone());
    let file = || proposed.files().next().map(|(path, _)| Location { path: path.clone(), span: Span::FILE });
    dag.or_else(fault).or_else(file)
}

/// The mapping of the innermost mapped group around a task, whose index its instances carry.
fn mapped_group<'a>(dag: &'a Dag, task: &Task) -> Option<&'a Mapping> {
    let mut next = task.group.as_ref();
    // A group is inside of another at most as often as there are groups.
    for _ in &dag.groups {
        let group_id = next?;
        let group = dag.groups.iter().find(|group| group.group_id.exact() == Some(group_id))?;
        if group.mapped.is_some() {
            return group.mapped.as_ref();
        }
        next = group.parent.as_ref();
    }
    None
}

fn possible(unknown: &Unknown) -> Certainty {
    Certainty::Possible(unknown.reason.clone())
}

/// Tasks with an unfinished instance, with the highest map index among those.
fn open_tasks(facts: &DagFacts) -> BTreeMap<&TaskId, Option<usize>> {
    let open =
        |instance: &&TaskInstance| matches!(instance.state.progress(), Progress::NotStarted | Progress::InProgress);
    let mut tasks: BTreeMap<&TaskId, Option<usize>> = BTreeMap::new();
    for instance in facts.runs.iter().flat_map(|run| &run.task_instances).filter(open) {
        let highest = tasks.entry(&instance.task_id).or_default();
        *highest = (*highest).max(instance.map_index.position());
    }
    tasks
}
