//! Literal lists that tasks and groups are mapped over.
//!
//! An index is an identity: Airflow knows an instance by its position alone, so what matters is
//! which element stands at which index on each side.

use super::{Certainty, Change, Kind, Mapped, MappingChange};
use crate::content::{Location, Snapshot};
use crate::dag::{Dag, MappedOver, Mapping};
use crate::ids::{GroupId, TaskId};

/// More instances than this are compared by count alone; Airflow's own limit for one mapped task
/// (`max_map_length`) is 1,024.
const MOST_INSTANCES: usize = 100_000;

/// Changes of the mapped lists of tasks and groups that both sides have.
pub(super) fn changes((deployed, dag): (&Snapshot, &Dag), (proposed, other): (&Snapshot, &Dag)) -> Vec<Change> {
    let mut changes = Vec::new();
    for task in &dag.tasks {
        let Some(task_id) = task.task_id.exact() else { continue };
        let peer = other.task(task_id).and_then(|peer| peer.mapped.as_ref());
        if let (Some(a), Some(b)) = (&task.mapped, peer) {
            changes.extend(compare(dag, &Mapped::Task(task_id.clone()), (deployed, a), (proposed, b)));
        }
    }
    for group in &dag.groups {
        let Some(group_id) = group.group_id.exact() else { continue };
        let peer = other.groups.iter().find(|peer| peer.group_id == group.group_id);
        if let (Some(a), Some(b)) = (&group.mapped, peer.and_then(|peer| peer.mapped.as_ref())) {
            changes.extend(compare(
                dag,
                &Mapped::Group(group_id.clone(), members(dag, group_id)),
                (deployed, a),
                (proposed, b),
            ));
        }
    }
    changes
}

/// The tasks of a group and of the groups in it.
fn members(dag: &Dag, group_id: &GroupId) -> Vec<TaskId> {
    let inside = |start: &GroupId| {
        let mut next = Some(start.clone());
        for _ in 0..=dag.groups.len() {
            match next {
                Some(id) if id == *group_id => return true,
                Some(id) => {
                    next = dag.groups.iter().find(|g| g.group_id.exact() == Some(&id)).and_then(|g| g.parent.clone());
                }
                None => return false,
            }
        }
        false
    };
    dag.tasks
        .iter()
        .filter(|task| task.group.as_ref().is_some_and(inside))
        .filter_map(|task| task.task_id.exact().cloned())
        .collect()
}

fn compare(
    dag: &Dag,
    subject: &Mapped,
    (deployed, a): (&Snapshot, &Mapping),
    (proposed, b): (&Snapshot, &Mapping),
) -> Vec<Change> {
    let (Some(before), Some(after)) = (a.count(), b.count()) else { return Vec::new() };
    let change = |kind, certainty, (deployed, proposed)| Change {
        kind,
        dags: vec![dag.dag_id.clone()],
        certainty,
        deployed: Some(deployed),
        proposed: Some(proposed),
    };
    let mut changes = Vec::new();
    if before != after {
        let kind = Kind::Mapping(MappingChange::CountChanged { subject: subject.clone(), before, after });
        changes.push(change(kind, Certainty::Certain, (list_at(a), list_at(b))));
    }
    if before.max(after) > MOST_INSTANCES {
        return changes;
    }
    // `expand` names its arguments once, `expand_kwargs` in each element; to compare one with the
    // other, both are written as the latter.
    let as_kwargs = a.kwargs || b.kwargs;
    let left = instances(deployed, a, before, as_kwargs);
    let right = instances(proposed, b, after, as_kwargs);
    let differing = (0..before.min(after)).find(|index| left[*index] != right[*index]);
    if let Some(index) = differing {
        let certainty = if !left[index].known || !right[index].known {
            Certainty::Possible(format!("the value of element {index} is not in the text"))
        } else if a.kwargs != b.kwargs {
            // The order of the keys, for one thing, does not matter to Airflow.
            Certainty::Possible("`expand` and `expand_kwargs` can write equal elements in different ways".to_string())
        } else {
            Certainty::Certain
        };
        let kind = Kind::Mapping(MappingChange::ItemsChanged {
            subject: subject.clone(),
            before: words(left),
            after: words(right),
        });
        changes.push(change(kind, certainty, (item_at(a, index), item_at(b, index))));
    }
    changes
}

/// What one instance gets.
#[derive(Clone, PartialEq, Eq)]
struct Element {
    /// Canonical text of its value; the expression, where the value is not known.
    text: String,
    /// Whether the text is the value.
    known: bool,
}

fn words(items: Vec<Element>) -> Vec<String> {
    items.into_iter().map(|item| if item.known { item.text } else { "…".to_string() }).collect()
}

/// The element that each instance gets: the product of the arguments, the last one fastest
/// (Airflow's `MappedOperator` counts so).
fn instances(snapshot: &Snapshot, mapping: &Mapping, count: usize, as_kwargs: bool) -> Vec<Element> {
    (0..count)
        .map(|index| {
            let mut rest = index;
            let mut parts = Vec::new();
            let mut known = true;
            for over in mapping.over.iter().rev() {
                let length = over.length.unwrap_or(1).max(1);
                let item = element(snapshot, over, rest % length);
                known &= item.known;
                parts.push(match (over.arg.as_str(), as_kwargs) {
                    ("", _) => item.text,
                    (arg, true) => format!("{arg:?}: {}", item.text),
                    (arg, false) => format!("{arg}={}", item.text),
                });
                rest /= length;
            }
            // The order in which the arguments are named is the order of counting, not a value.
            parts.sort();
            let text = parts.join(", ");
            let text = if as_kwargs && !mapping.kwargs { format!("{{{text}}}") } else { text };
            Element { text, known }
        })
        .collect()
}

fn element(snapshot: &Snapshot, over: &MappedOver, at: usize) -> Element {
    match over.items.as_ref().and_then(|items| items.get(at)) {
        Some(Some(value)) => Element { text: value.clone(), known: true },
        // The same expression is taken to have the same value: it is not what this change changes.
        _ => Element {
            text: over.items_at.get(at).map(|at| super::source(snapshot, at)).unwrap_or_default(),
            known: false,
        },
    }
}

fn list_at(mapping: &Mapping) -> Location {
    match mapping.over.as_slice() {
        [over] => over.at.clone(),
        _ => mapping.at.clone(),
    }
}

fn item_at(mapping: &Mapping, index: usize) -> Location {
    match mapping.over.as_slice() {
        [over] => over.items_at.get(index).unwrap_or(&over.at).clone(),
        _ => mapping.at.clone(),
    }
}
