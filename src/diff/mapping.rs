//! Literal lists that tasks and groups are mapped over.
//!
//! An index is an identity: Airflow knows an instance by its position alone, so what matters is
//! which element stands at which index on each side.

use super::pairing::{TaskPairs, with_ids};
use super::{Certainty, Change, Kind, Mapped, MappingChange};
use crate::content::{Location, Snapshot};
use crate::dag::{Dag, MappedOver, Mapping, Task};
use crate::ids::{GroupId, TaskId};
use std::collections::{BTreeMap, BTreeSet};

/// More instances than this are compared by count alone; Airflow's own limit for one mapped task
/// (`max_map_length`) is 1,024.
const MOST_INSTANCES: usize = 100_000;

/// Changes of what tasks and groups are mapped over, of those that mean the same on both sides.
pub(super) fn changes(
    pairs: &TaskPairs,
    (deployed, dag): (&Snapshot, &Dag),
    (proposed, other): (&Snapshot, &Dag),
) -> Vec<Change> {
    let mapped_before = MappedGroups::of(dag);
    let mapped_after = MappedGroups::of(other);
    let nothing_is_mapped = |dag: &Dag, groups: &MappedGroups| {
        groups.by_member.is_empty() && dag.tasks.iter().all(|task| task.mapped.is_none())
    };
    if nothing_is_mapped(dag, &mapped_before) && nothing_is_mapped(other, &mapped_after) {
        return Vec::new();
    }
    let moved = pairs.moved_ids();
    let after: BTreeMap<&TaskId, &Task> =
        other.tasks.iter().filter_map(|task| Some((task.task_id.exact()?, task))).collect();
    let mut changes = Vec::new();
    // Of a mapped group there is one change, with all members that it happens to.
    let mut groups: BTreeMap<(&GroupId, bool), (Vec<TaskId>, &Mapping)> = BTreeMap::new();
    let mut compared: BTreeSet<&GroupId> = BTreeSet::new();
    for task in &dag.tasks {
        let Some(task_id) = task.task_id.exact().filter(|id| !moved.contains(id)) else { continue };
        let Some(peer) = after.get(task_id) else { continue };
        let own = Mapped::Task(task_id.clone());
        let sides = ((deployed, dag), (proposed, other));
        match (mapped_before.over(task), mapped_after.over(peer)) {
            (None, None) => {}
            (None, Some((Some(group), mapping))) => {
                groups.entry((group, true)).or_insert((Vec::new(), mapping)).0.push(task_id.clone());
            }
            (Some((Some(group), mapping)), None) => {
                groups.entry((group, false)).or_insert((Vec::new(), mapping)).0.push(task_id.clone());
            }
            (None, Some((None, mapping))) => changes.push(made_mapped(own, mapping, sides)),
            (Some((None, mapping)), None) => changes.push(made_plain(own, mapping, sides)),
            (Some((Some(a_group), a)), Some((Some(b_group), b))) if a_group == b_group => {
                if compared.insert(a_group) {
                    let subject = Mapped::Group(
                        a_group.clone(),
                        dag.members(a_group).filter_map(|task| task.task_id.exact().cloned()).collect(),
                    );
                    let mut compared = compare(pairs, &subject, (deployed, dag, a), (proposed, b));
                    for change in &mut compared {
                        only_takers(change, dag, &after);
                    }
                    changes.extend(compared);
                }
            }
            (Some((_, a)), Some((_, b))) => {
                let (x, y) = (varying(a, peer), varying(b, task));
                changes.extend(compare(pairs, &own, (deployed, dag, &x), (proposed, &y)));
                changes.extend(partial(pairs, own, dag, (task, a), (peer, b)));
            }
        }
    }
    for ((group, mapped), (tasks, mapping)) in groups {
        let subject = Mapped::Group(group.clone(), tasks);
        let sides = ((deployed, dag), (proposed, other));
        changes.push(if mapped { made_mapped(subject, mapping, sides) } else { made_plain(subject, mapping, sides) });
    }
    changes
}

type Sides<'a> = ((&'a Snapshot, &'a Dag), (&'a Snapshot, &'a Dag));

/// The mapped groups of a DAG by all tasks and groups in them.
struct MappedGroups<'a> {
    by_member: BTreeMap<&'a GroupId, (&'a GroupId, &'a Mapping)>,
}

impl<'a> MappedGroups<'a> {
    fn of(dag: &'a Dag) -> Self {
        let mut by_member: BTreeMap<&GroupId, (&GroupId, &Mapping)> = BTreeMap::new();
        // A parent is made before what is in it.
        for group in &dag.groups {
            let Some(id) = group.group_id.exact() else { continue };
            let around = group.parent.as_ref().and_then(|parent| by_member.get(parent)).copied();
            if let Some(found) = group.mapped.as_ref().map(|mapping| (id, mapping)).or(around) {
                by_member.insert(id, found);
            }
        }
        Self { by_member }
    }

    /// What a task is mapped over, and the group that is, where it is not the task itself.
    fn over(&self, task: &'a Task) -> Option<(Option<&'a GroupId>, &'a Mapping)> {
        if let Some(own) = &task.mapped {
            return Some((None, own));
        }
        let (group, mapping) = self.by_member.get(task.group.as_ref()?)?;
        Some((Some(group), mapping))
    }
}

fn made_mapped(subject: Mapped, mapping: &Mapping, ((_, dag), (_, other)): Sides) -> Change {
    let tasks: BTreeSet<TaskId> = mapping.over.iter().flat_map(|over| over.tasks.iter().cloned()).collect();
    let producers = tasks.into_iter().collect();
    let at = made_at(dag, &subject).unwrap_or(&dag.at).clone();
    Change {
        kind: Kind::Mapping(MappingChange::MadeMapped { subject, producers }),
        dags: vec![dag.dag_id.clone()],
        certainty: certain(mapping, other),
        deployed: Some(at),
        proposed: Some(mapping.at.clone()),
    }
}

fn made_plain(subject: Mapped, mapping: &Mapping, ((_, dag), (_, other)): Sides) -> Change {
    let at = made_at(other, &subject).unwrap_or(&other.at).clone();
    Change {
        kind: Kind::Mapping(MappingChange::MadePlain { subject }),
        dags: vec![dag.dag_id.clone()],
        certainty: Certainty::Certain,
        deployed: Some(mapping.at.clone()),
        proposed: Some(at),
    }
}

fn made_at<'a>(dag: &'a Dag, subject: &Mapped) -> Option<&'a Location> {
    subject.tasks().first().and_then(|id| dag.task(id)).map(|task| &task.at)
}

/// What a list is that is neither written out nor an output is in the DAG's doubts.
fn certain(mapping: &Mapping, other: &Dag) -> Certainty {
    let known = mapping.over.iter().all(|over| over.length.is_some() || over.source.is_some());
    match other.unknown.first().filter(|_| !known) {
        Some(unknown) => Certainty::Possible(super::reason(unknown)),
        None => Certainty::Certain,
    }
}

/// Arguments that every operator has and that say nothing about what an instance does.
const OPTIONS: &str = " pool pool_slots queue priority_weight weight_rule retries retry_delay \
retry_exponential_backoff max_retry_delay execution_timeout sla max_active_tis_per_dag max_active_tis_per_dagrun \
depends_on_past wait_for_downstream ignore_first_depends_on_past email email_on_failure email_on_retry owner \
executor_config executor start_date end_date run_as_user resources on_success_callback on_failure_callback \
on_retry_callback on_execute_callback on_skipped_callback pre_execute post_execute map_index_template \
logger_name allow_nested_operators inlets outlets ";

/// A mapping without the arguments that have one value for all instances and that the other side gives by
/// `partial(…)`: a list of one item moves no index.
fn varying(mapping: &Mapping, other: &Task) -> Mapping {
    let by_partial = |over: &MappedOver| {
        let mapped = other.mapped.as_ref().is_some_and(|mapping| mapping.over.iter().any(|own| own.arg == over.arg));
        let given = other.arguments.get(&format!("{}()", over.arg)).or_else(|| other.arguments.get(&over.arg));
        match over.items.as_deref() {
            Some([Some(item)]) => !mapped && given == Some(item.as_str()),
            _ => false,
        }
    };
    let mut varying = mapping.clone();
    if !mapping.kwargs && !mapping.over.iter().all(by_partial) {
        varying.over.retain(|over| !by_partial(over));
    }
    varying
}

/// What all instances of a mapped task share.
fn partial(
    pairs: &TaskPairs,
    subject: Mapped,
    dag: &Dag,
    (task, a): (&Task, &Mapping),
    (peer, b): (&Task, &Mapping),
) -> Option<Change> {
    let first = task.callable.as_ref().and_then(|callable| callable.parameters.first()).map(|(name, _)| name.as_str());
    let mapped = |name: &str| {
        let plain = name.trim_end_matches("()");
        // The list of `expand_kwargs` is given by position.
        if a.kwargs && b.kwargs && Some(plain) == first {
            return true;
        }
        a.over.iter().chain(&b.over).any(|over| over.arg == plain)
    };
    let differs = |name: &&str| {
        let text = |task: &Task| task.arguments.get(name).map(str::to_owned);
        let before = text(task).map(|text| through(pairs, &text));
        before != text(peer) && !mapped(name) && !OPTIONS.contains(&format!(" {name} "))
    };
    let names: BTreeSet<&str> = task.arguments.names().chain(peer.arguments.names()).collect();
    let arguments: Vec<String> =
        names.into_iter().filter(|name| differs(name)).map(|name| name.trim_end_matches("()").to_owned()).collect();
    (!arguments.is_empty()).then(|| Change {
        kind: Kind::Mapping(MappingChange::PartialChanged { subject, arguments }),
        dags: vec![dag.dag_id.clone()],
        certainty: Certainty::Certain,
        deployed: Some(task.at.clone()),
        proposed: Some(peer.at.clone()),
    })
}

/// Canonical text with the proposed ids of the tasks whose outputs are in it.
fn through(pairs: &TaskPairs, text: &str) -> String {
    with_ids(text, |id| Some(pairs.through(&TaskId::new(id)).to_string()))
}

/// What a group is mapped over changes for those members alone that take of it: one that takes what another
/// member returned at its index, and nothing else, has that whatever the list says (measured on 2.6.2, 2.11.2
/// and 3.3.2).
fn only_takers(change: &mut Change, dag: &Dag, after: &BTreeMap<&TaskId, &Task>) {
    let Kind::Mapping(MappingChange::ItemsChanged { subject: Mapped::Group(_, tasks), .. }) = &mut change.kind else {
        return;
    };
    let takes = |task_id: &TaskId| {
        let sides = [dag.task(task_id), after.get(task_id).copied()];
        sides.into_iter().flatten().any(|task| task.arguments.texts().chain(task.captured.texts()).any(may_be_element))
    };
    let takers: Vec<TaskId> = tasks.iter().filter(|task_id| takes(task_id)).cloned().collect();
    if !takers.is_empty() {
        *tasks = takers;
    }
}

/// Whether the canonical text of an argument may have the element of a mapped group in it: not that of a
/// plain literal, and not an output alone.
fn may_be_element(text: &str) -> bool {
    let output =
        text.strip_prefix("output(").and_then(|rest| rest.split_once(')')).is_some_and(|(_, rest)| rest.is_empty());
    let literal = matches!(text, "None" | "True" | "False")
        || text.starts_with(['"', '\'']) && !text.contains(['{', '+', '%'])
        || text.parse::<f64>().is_ok();
    !output && !literal
}

fn compare(
    pairs: &TaskPairs,
    subject: &Mapped,
    (deployed, dag, a): (&Snapshot, &Dag, &Mapping),
    (proposed, b): (&Snapshot, &Mapping),
) -> Vec<Change> {
    if let Some(change) = renamed_arguments(pairs, subject, dag, a, b) {
        return vec![change];
    }
    if let Some(changes) = more_arguments(subject, dag, (deployed, a), (proposed, b)) {
        return changes;
    }
    if a.count().is_some() && b.count().is_some() {
        return lists(subject, dag, (deployed, a), (proposed, b));
    }
    let change = |kind, at: &Location, other_at: &Location| Change {
        kind: Kind::Mapping(kind),
        dags: vec![dag.dag_id.clone()],
        certainty: Certainty::Certain,
        deployed: Some(at.clone()),
        proposed: Some(other_at.clone()),
    };
    let names = |mapping: &Mapping| -> Vec<String> { mapping.over.iter().map(shown_argument).collect() };
    if a.kwargs != b.kwargs || names(a) != names(b) {
        let subject = subject.clone();
        let kind = MappingChange::ArgumentsChanged { subject, before: names(a), after: names(b), same_values: false };
        return vec![change(kind, &a.at, &b.at)];
    }
    let mut changes = Vec::new();
    for (x, y) in a.over.iter().zip(&b.over) {
        let tasks = |over: &MappedOver| -> BTreeSet<TaskId> { over.tasks.iter().cloned().collect() };
        let before: BTreeSet<TaskId> = x.tasks.iter().map(|id| pairs.through(id).clone()).collect();
        let same_tasks = before == tasks(y);
        let mut certainty = Certainty::Certain;
        let is_known = |over: &MappedOver| over.source.is_some() || over.length.is_some();
        if !is_known(x) || !is_known(y) {
            // The DAG is not known for its sake, and that is said of it.
            continue;
        }
        let kind = match (&x.source, &y.source) {
            (Some(p), Some(q)) if same_tasks && through(pairs, p) == **q => continue,
            (Some(p), Some(q)) if same_tasks => {
                let before = through(pairs, p);
                if without_fill(&before) == without_fill(q) {
                    let why = "what fills up the shorter of the lists is seen only where one is shorter";
                    certainty = Certainty::Possible(why.to_string());
                }
                let same_elements = concatenated(&before).is_some_and(|before| concatenated(q) == Some(before));
                MappingChange::TransformChanged { subject: subject.clone(), argument: shown_argument(y), same_elements }
            }
            // Two lists, of which one may have grown: their product is not known as a whole.
            (None, None) if x.items == y.items && x.length == y.length => continue,
            _ => MappingChange::SourceChanged {
                subject: subject.clone(),
                before: shown_source(x),
                after: shown_source(y),
                was_literal: x.length.is_some(),
                producers: y.tasks.iter().cloned().collect(),
            },
        };
        changes.push(Change { certainty, ..change(kind, &x.at, &y.at) });
    }
    changes
}

/// The outputs that are put one behind the other, sorted; `None` where something else is made of them.
fn concatenated(source: &str) -> Option<Vec<&str>> {
    if [".map(", ".zip("].iter().any(|other| source.contains(other)) {
        return None;
    }
    let mut outputs: Vec<&str> =
        source.split("output(").skip(1).filter_map(|part| part.split_once(')')).map(|(id, _)| id).collect();
    outputs.sort_unstable();
    Some(outputs)
}

/// How a list is made, without the values that fill up shorter operands of `zip`.
fn without_fill(source: &str) -> String {
    let mut parts = source.split(", fillvalue=");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.find(')').map_or("", |at| &part[at..]))
}

fn shown_argument(over: &MappedOver) -> String {
    if over.arg.is_empty() { "expand_kwargs".to_owned() } else { over.arg.clone() }
}

/// What gives a list, in words.
fn shown_source(over: &MappedOver) -> String {
    let tasks: Vec<String> = over.tasks.iter().map(|id| format!("`{id}`")).collect();
    match over.length {
        Some(length) if over.source.is_none() => format!("a list of {length}"),
        _ if tasks.is_empty() => "something that the text does not hold".to_owned(),
        _ => format!("the output of {}", tasks.join(" and ")),
    }
}

/// The same values under other names, in the same order: each index keeps its element.
fn renamed_arguments(pairs: &TaskPairs, subject: &Mapped, dag: &Dag, a: &Mapping, b: &Mapping) -> Option<Change> {
    let names = |mapping: &Mapping| -> Vec<String> { mapping.over.iter().map(|over| over.arg.clone()).collect() };
    let known = |over: &MappedOver| {
        over.source.is_some() || over.items.as_ref().is_some_and(|items| items.iter().all(Option::is_some))
    };
    let same = |(x, y): (&MappedOver, &MappedOver)| {
        known(x)
            && x.items == y.items
            && x.source.as_deref().map(|text| through(pairs, text)).as_deref() == y.source.as_deref()
    };
    let renamed = !a.kwargs
        && !b.kwargs
        && a.over.len() == b.over.len()
        && names(a) != names(b)
        && a.over.iter().zip(&b.over).all(same);
    renamed.then(|| Change {
        kind: Kind::Mapping(MappingChange::ArgumentsChanged {
            subject: subject.clone(),
            before: names(a),
            after: names(b),
            same_values: true,
        }),
        dags: vec![dag.dag_id.clone()],
        certainty: Certainty::Certain,
        deployed: Some(a.at.clone()),
        proposed: Some(b.at.clone()),
    })
}

/// Literal lists of which each instance gets what it got and more: arguments that are mapped beside the
/// others, or further keys of each element. Of more than one axis the indexes mean other combinations.
fn more_arguments(
    subject: &Mapped,
    dag: &Dag,
    (deployed, a): (&Snapshot, &Mapping),
    (proposed, b): (&Snapshot, &Mapping),
) -> Option<Vec<Change>> {
    let (before, after) = (a.count()?, b.count()?);
    let names = |mapping: &Mapping| -> Vec<String> { mapping.over.iter().map(shown_argument).collect() };
    let more_axes = !a.kwargs && !b.kwargs && b.over.len() > a.over.len() && {
        let kept = b.over.iter().filter(|over| a.over.iter().any(|known| known.arg == over.arg));
        kept.map(|over| (&over.arg, &over.items)).eq(a.over.iter().map(|over| (&over.arg, &over.items)))
    };
    // The canonical text of a dict begins with the keys that come first.
    let more_keys = a.kwargs && b.kwargs && before == after && before <= MOST_INSTANCES && {
        let (left, right) = (instances(deployed, a, before, true), instances(proposed, b, after, true));
        let grows = |(x, y): (&Element, &Element)| {
            let begins = x.text.strip_suffix('}').is_some_and(|start| y.text.starts_with(start));
            x.known && y.known && begins
        };
        left != right && left.iter().zip(&right).all(grows)
    };
    if !more_axes && !more_keys {
        return None;
    }
    let change = |kind| Change {
        kind: Kind::Mapping(kind),
        dags: vec![dag.dag_id.clone()],
        certainty: Certainty::Certain,
        deployed: Some(a.at.clone()),
        proposed: Some(b.at.clone()),
    };
    let (subject, same_values) = (subject.clone(), more_keys);
    let arguments =
        MappingChange::ArgumentsChanged { subject: subject.clone(), before: names(a), after: names(b), same_values };
    let mut changes = vec![change(arguments)];
    if before != after {
        changes.push(change(MappingChange::CountChanged { subject, before, after }));
    }
    Some(changes)
}

/// Two products of lists that the text holds.
fn lists(
    subject: &Mapped,
    dag: &Dag,
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
