//! Branches: what they can choose, and whether it is there.

use super::xcom::{codes, is_behind};
use super::{Certainty, Change, Data, Kind};
use crate::content::Location;
use crate::dag::{Dag, Shape, Task};
use crate::ids::{AirflowVersion, GroupId, TaskId};
use crate::python::literal;

/// Arguments by which Airflow's own branch operators are told what to choose.
const CHOICES: [&str; 4] =
    ["follow_task_ids_if_true", "follow_task_ids_if_false", "follow_task_ids_if_weekday", "follow_task_ids"];

/// Branches of the proposed DAG that can choose a task that it does not have.
pub(super) fn changes(dag: &Dag, other: &Dag, airflow: Option<AirflowVersion>) -> Vec<Change> {
    // Measured on 2.6.2, where the id of a group is none of a task, and on 2.11.2, where it stands for its first tasks.
    let into_groups = airflow.is_none_or(|version| (version.major, version.minor) > (2, 6));
    let has = |dag: &Dag, id: &str| has(dag, id, into_groups);
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

/// A choice of which nothing follows: of what is directly behind the branch, Airflow goes on with what is chosen or comes
/// after what is chosen, and skips the rest (read in 2.6.2, 2.11.2 and 3.3.2).
pub(super) fn apart((dag, was): (&Dag, &Task), (other, branch): (&Dag, &Task)) -> Option<(String, Location)> {
    if !is_branch(branch) || branch.downstream.is_empty() {
        return None;
    }
    let before = choices(was);
    let missed = |(target, _): &&(String, Location)| {
        is_there(other, target) && !is_followed(other, branch, target) && !runs_anyway(other, branch, target)
    };
    let all = choices(branch);
    // Of several that are chosen together, one is enough.
    let listed = CHOICES.iter().any(|name| branch.arguments.get(name).is_some());
    let together = listed || codes(branch).any(|code| may_be_several(&code.returns));
    let found = all.iter().find(missed).filter(|_| !together || all.iter().all(|choice| missed(&choice)))?;
    let known = before.iter().any(|(target, _)| *target == found.0) && !is_followed(dag, was, &found.0);
    (!known).then(|| found.clone())
}

fn may_be_several(shape: &Shape) -> bool {
    match shape {
        Shape::Named(name) => &**name != "str",
        Shape::None => false,
        Shape::Union(all) => all.iter().any(may_be_several),
        _ => true,
    }
}

fn is_there(dag: &Dag, target: &str) -> bool {
    dag.task(&TaskId::new(target)).is_some() || dag.members(&GroupId::new(target)).next().is_some()
}

/// Whether a task that comes after a branch runs although all in between is skipped: then that is what is chosen.
fn runs_anyway(dag: &Dag, branch: &Task, target: &str) -> bool {
    let Some(task) = dag.task(&TaskId::new(target)) else { return false };
    let after = branch.task_id.exact().is_some_and(|id| is_behind(dag, task, id.as_str()));
    let strict =
        ["all_success", "one_success", "none_skipped", "none_failed_min_one_success", "all_failed", "one_failed"];
    after && task.trigger_rule.as_deref().is_some_and(|rule| !strict.contains(&rule))
}

/// Whether something directly behind a branch goes on when that is chosen.
fn is_followed(dag: &Dag, branch: &Task, target: &str) -> bool {
    let group_id = GroupId::new(target);
    let chosen: Vec<&str> = match dag.task(&TaskId::new(target)) {
        Some(_) => vec![target],
        None => dag.members(&group_id).filter_map(|task| task.task_id.exact()).map(TaskId::as_str).collect(),
    };
    branch.downstream.iter().any(|down| {
        let behind = |id: &&str| dag.task(down).is_none_or(|task| is_behind(dag, task, id));
        chosen.iter().any(|id| down.as_str() == *id || behind(id))
    })
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

/// Whether a DAG has a task of that id, or a group where a branch may name one.
fn has(dag: &Dag, id: &str, into_groups: bool) -> bool {
    dag.task(&TaskId::new(id)).is_some()
        || into_groups && dag.groups.iter().any(|group| group.group_id.exact().is_some_and(|own| own.as_str() == id))
        || dag.tasks.iter().any(|task| task.task_id.exact().is_none() && task.task_id.may_be(id))
}
