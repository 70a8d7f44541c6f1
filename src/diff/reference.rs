//! What tasks name in other DAGs.

use super::{Certainty, Change, Kind, Plan, Reference, Side, schedule_text};
use crate::content::Location;
use crate::dag::{Dag, Model, Task};
use crate::ids::{DagId, TaskId};
use crate::python::literal;

/// The DAG of that id, if it is known for certain.
fn dag<'m>(model: &'m Model, dag_id: &str) -> Option<&'m Dag> {
    let id = DagId::new(dag_id);
    model.dags.iter().map(AsRef::as_ref).find(|dag| dag.dag_id.exact() == Some(&id))
}

/// Whether some DAG of unknown id may be that one.
fn may_have_dag(model: &Model, dag_id: &str) -> bool {
    model.dags.iter().any(|dag| dag.dag_id.exact().is_none() && dag.dag_id.may_be(dag_id))
}

/// Whether the tree has that task; none if it cannot be said.
pub(super) fn has_task(model: &Model, dag_id: &str, task_id: &str) -> Option<bool> {
    match dag(model, dag_id) {
        Some(dag) if dag.task(&TaskId::new(task_id)).is_some() => Some(true),
        Some(dag) => dag.complete().then_some(false),
        None => (!may_have_dag(model, dag_id)).then_some(false),
    }
}

/// Where a task of another DAG is.
pub(super) fn task_at(model: &Model, dag_id: &str, task_id: &str) -> Option<Location> {
    dag(model, dag_id)?.task(&TaskId::new(task_id)).map(|task| task.id_at.clone())
}

/// Arguments that name another DAG.
const OTHER_DAGS: [&str; 2] = ["trigger_dag_id", "external_dag_id"];

/// What a task names in another DAG.
struct Names {
    dag_id: String,
    /// Tasks and groups; empty for the DAG as a whole.
    targets: Vec<String>,
    triggers: bool,
}

/// What a task names by literal arguments.
fn named(task: &Task) -> Option<Names> {
    let text = |name: &str| task.arguments.get(name).and_then(literal::text);
    if let Some(dag_id) = text("trigger_dag_id") {
        return Some(Names { dag_id, targets: Vec::new(), triggers: true });
    }
    // A marker is for clearing: it does nothing when it runs.
    if task.operator.contains("Marker") {
        return None;
    }
    let dag_id = text("external_dag_id")?;
    let lists = ["external_task_id", "external_task_ids", "external_task_group_id"];
    let targets = lists.iter().filter_map(|name| task.arguments.get(name)).flat_map(literal::texts).collect();
    Some(Names { dag_id, targets, triggers: false })
}

/// Tasks of DAGs that both sides have whose targets in other DAGs went.
pub(super) fn changes(deployed: Side, proposed: Side) -> Vec<Change> {
    let mut changes = Vec::new();
    for own in &proposed.model.dags {
        let Some(own_id) = own.dag_id.exact().filter(|_| OTHER_DAGS.iter().any(|name| own.gives(name))) else {
            continue;
        };
        let mut was = None;
        for task in &own.tasks {
            let Some(names) = named(task) else { continue };
            let was = *was.get_or_insert_with(|| dag(deployed.model, own_id.as_str()));
            let Some(was) = was else { break };
            changes.extend(gone(deployed, proposed, was, task, &names));
            changes.extend(apart((deployed, was), (proposed, own), task, &names));
        }
    }
    changes
}

/// Whether the runs that a sensor waits for are not made any more, by the schedules of both DAGs.
fn apart((deployed, was): (Side, &Dag), (proposed, own): (Side, &Dag), task: &Task, names: &Names) -> Option<Change> {
    if names.triggers {
        return None;
    }
    let twin = was.task(task.task_id.exact()?)?;
    if self::named(twin)?.dag_id != names.dag_id {
        return None;
    }
    let (before, after) = (dag(deployed.model, &names.dag_id)?, dag(proposed.model, &names.dag_id)?);
    if met(was, twin, before)?.is_err() {
        return None;
    }
    let wanted = met(own, task, after)?.err()?;
    let why = format!("{wanted} is waited for, and it runs by {}", schedule_text(after));
    Some(Change {
        kind: Kind::Reference(Reference::SchedulesApart {
            task_id: task.task_id.exact()?.clone(),
            dag_id: DagId::new(names.dag_id.as_str()),
            why,
        }),
        dags: vec![was.dag_id.clone()],
        certainty: Certainty::Certain,
        deployed: Some(twin.at.clone()),
        proposed: Some(task.at.clone()),
    })
}

/// Whether the runs of a DAG find those of another one that a sensor of it waits for; none where the
/// text does not say so.
fn met(own: &Dag, sensor: &Task, other: &Dag) -> Option<Result<(), jiff::civil::DateTime>> {
    let given = |name: &str| sensor.arguments.get(name).filter(|text| *text != "None");
    if given("execution_date_fn").is_some() {
        return None;
    }
    let delta = given("execution_delta").map_or(Some(0), super::settings::seconds)?;
    // Dates are reckoned without zones, which must then be the same.
    let zone = |dag: &Dag| {
        let start = dag.options.get("start_date").or(dag.options.get("default_args.start_date"));
        start.and_then(|text| text.split_once(',')).map(|(_, zone)| zone.to_owned())
    };
    if zone(own) != zone(other) {
        return None;
    }
    Plan::of(own, None).meets(&Plan::of(other, None), jiff::SignedDuration::from_secs(delta))
}

/// A trigger that newly names a DAG which neither tree has, in place of one that the deployed tree has.
fn unknown_target(deployed: Side, was: &Dag, task: &Task, names: &Names) -> Option<(Reference, Certainty)> {
    let task_id = task.task_id.exact()?;
    let before = named(was.task(task_id)?).filter(|before| before.triggers && before.dag_id != names.dag_id)?;
    dag(deployed.model, &before.dag_id).filter(|_| names.triggers && !may_have_dag(deployed.model, &names.dag_id))?;
    let kind = Reference::TriggerTargetMissing {
        task_id: task_id.clone(),
        dag_id: DagId::new(names.dag_id.as_str()),
        waits: task.arguments.get("wait_for_completion") == Some("True"),
        had: false,
    };
    Some((kind, Certainty::Possible(format!("`{}` may be a DAG of another tree", names.dag_id))))
}

fn gone(deployed: Side, proposed: Side, was: &Dag, task: &Task, names: &Names) -> Vec<Change> {
    let Some(task_id) = task.task_id.exact() else { return Vec::new() };
    let dag_id = DagId::new(names.dag_id.as_str());
    let target = dag(deployed.model, &names.dag_id);
    let change = |kind: Reference, certainty: Certainty, at: Option<Location>| Change {
        kind: Kind::Reference(kind),
        dags: vec![was.dag_id.clone()],
        certainty,
        deployed: at.or_else(|| Some(was.at.clone())),
        proposed: Some(task.at.clone()),
    };
    let flag = |name: &str| task.arguments.get(name) == Some("True");
    let Some(after) = dag(proposed.model, &names.dag_id) else {
        let Some(target) = target else {
            return unknown_target(deployed, was, task, names)
                .into_iter()
                .map(|(kind, doubt)| change(kind, doubt, None))
                .collect();
        };
        // A file that does not import any more keeps its DAG where Airflow has it.
        if proposed.model.errors.iter().any(|error| target.reaches.contains(&error.at.path)) {
            return Vec::new();
        }
        let certainty = if may_have_dag(proposed.model, &names.dag_id) {
            Certainty::Possible(format!("`{dag_id}` may be a DAG whose id is not known"))
        } else {
            Certainty::Certain
        };
        let kind = if names.triggers {
            Reference::TriggerTargetMissing {
                task_id: task_id.clone(),
                dag_id,
                waits: flag("wait_for_completion"),
                had: true,
            }
        } else {
            let (target, checks) = (names.targets.first().cloned(), flag("check_existence"));
            Reference::SensorTargetMissing { task_id: task_id.clone(), dag_id, target, whole: true, checks }
        };
        return vec![change(kind, certainty, Some(target.id_at.clone()))];
    };
    let named_before = was.task(task_id).and_then(named);
    let has = |dag: &Dag, id: &str| {
        dag.task(&TaskId::new(id)).is_some()
            || dag.groups.iter().any(|group| group.group_id.exact().is_some_and(|own| own.as_str() == id))
            || dag.tasks.iter().any(|task| task.task_id.exact().is_none() && task.task_id.may_be(id))
    };
    names
        .targets
        .iter()
        .filter(|id| !has(after, id))
        // What was named before and was not there either is as it was.
        .filter(|id| {
            let known = named_before.as_ref().is_some_and(|before| before.targets.contains(id));
            !known || target.is_some_and(|target| has(target, id))
        })
        .map(|id| {
            let certainty = match after.unknown.first() {
                Some(unknown) => Certainty::Possible(super::reason(unknown)),
                None => Certainty::Certain,
            };
            let kind = Reference::SensorTargetMissing {
                task_id: task_id.clone(),
                dag_id: dag_id.clone(),
                target: Some(id.clone()),
                whole: false,
                checks: flag("check_existence"),
            };
            change(kind, certainty, task_at(deployed.model, &names.dag_id, id))
        })
        .collect()
}
