//! Branches: what they can choose, and whether it is there.

use super::xcom::codes;
use super::{Certainty, Change, Data, Kind};
use crate::content::Location;
use crate::dag::{Dag, Task};
use crate::ids::TaskId;
use crate::python::literal;

/// Arguments by which Airflow's own branch operators are told what to choose.
const CHOICES: [&str; 4] =
    ["follow_task_ids_if_true", "follow_task_ids_if_false", "follow_task_ids_if_weekday", "follow_task_ids"];

/// Branches of the proposed DAG that can choose a task that it does not have.
pub(super) fn changes(dag: &Dag, other: &Dag) -> Vec<Change> {
    let mut changes = Vec::new();
    for branch in other.tasks.iter().filter(|task| is_branch(task)) {
        let Some(branch_id) = branch.task_id.exact() else { continue };
        let before = dag.task(branch_id).map(choices).unwrap_or_default();
        for (target, at) in choices(branch) {
            let chosen_before = before.iter().any(|(known, _)| *known == target);
            if has(other, &target) || chosen_before && !has(dag, &target) {
                continue;
            }
            let certainty = match other.unknown.first() {
                Some(unknown) => Certainty::Possible(super::reason(unknown)),
                None => Certainty::Certain,
            };
            let was = dag.task(&TaskId::new(target.as_str())).map(|task| task.id_at.clone());
            let chose = before.first().map(|(_, at)| at.clone());
            let kind = Data::BranchTargetMissing { branch: branch_id.clone(), target, chosen_before };
            changes.push(Change {
                kind: Kind::Data(kind),
                dags: vec![dag.dag_id.clone()],
                certainty,
                deployed: was.or(chose).or_else(|| Some(dag.at.clone())),
                proposed: Some(at),
            });
        }
    }
    changes
}

/// Whether a task chooses which of its downstream tasks run, or is given what it could choose.
fn is_branch(task: &Task) -> bool {
    task.is_branch() || CHOICES.iter().any(|name| task.arguments.get(name).is_some())
}

/// The ids that a branch can choose, as far as the text holds them, each where it is written.
fn choices(task: &Task) -> Vec<(String, Location)> {
    let mut all: Vec<(String, Location)> = codes(task)
        .filter(|code| task.callable.is_some() || code.name == "choose_branch")
        .flat_map(|code| code.exchange.choices.iter().cloned())
        .collect();
    let given = CHOICES.iter().filter_map(|name| task.arguments.get(name));
    all.extend(given.flat_map(literal::texts).map(|text| (text, task.at.clone())));
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|(target, _)| !target.is_empty() && seen.insert(target.clone()));
    all
}

/// Whether a DAG has a task or group of that id.
fn has(dag: &Dag, id: &str) -> bool {
    dag.task(&TaskId::new(id)).is_some()
        || dag.groups.iter().any(|group| group.group_id.exact().is_some_and(|own| own.as_str() == id))
        || dag.tasks.iter().any(|task| task.task_id.exact().is_none() && task.task_id.may_be(id))
}
