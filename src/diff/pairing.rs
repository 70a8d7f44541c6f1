//! Which DAG and which task of the proposed model is the one of the deployed model.
//!
//! An id that both sides have is the same thing. The rest is paired by what it does: a rename
//! shows as an equal operator, callable, arguments and neighbours under another id.

use super::{Certainty, Change, Identity, Kind, KnownBy, Side};
use crate::content::{Location, Snapshot};
use crate::dag::{Callable, Dag, Group, Id, Model, Task, Unknown};
use crate::ids::{DagId, GroupId, TaskId};
use std::collections::{BTreeMap, BTreeSet};

/// What became of a deployed DAG.
pub(super) enum DagPair<'a> {
    /// The proposed model has its id.
    Same(&'a Dag),
    /// A DAG of the same work has another id.
    Renamed(&'a Dag, DagId),
    /// Nothing of it is left.
    Gone,
    /// Its id is not in the text.
    Unknown(&'a Unknown),
}

/// How alike two things must be to be one under another id; of 1.
const ALIKE: f64 = 0.6;

/// Arguments longer than this (in bytes) are compared as a whole.
const LONGEST_COMPARED: usize = 2_000;

/// For each deployed DAG what became of it.
pub(super) fn dags<'a>(deployed: &'a Model, proposed: &'a Model) -> Vec<DagPair<'a>> {
    let mut known: BTreeMap<&DagId, Vec<&Dag>> = BTreeMap::new();
    for dag in &proposed.dags {
        if let Some(id) = dag.dag_id.exact() {
            known.entry(id).or_default().push(dag);
        }
    }
    let before: BTreeSet<&DagId> = deployed.dags.iter().filter_map(|dag| dag.dag_id.exact()).collect();
    let mut fresh: Vec<&Dag> = proposed
        .dags
        .iter()
        .map(AsRef::as_ref)
        .filter(|dag| dag.dag_id.exact().is_some_and(|id| !before.contains(id)))
        .collect();
    deployed
        .dags
        .iter()
        .map(|dag| {
            let Some(id) = dag.dag_id.exact() else { return of_unknown_id(dag) };
            if let Some(same) = known.get(id).and_then(|same| of_one_id(deployed, dag, same)) {
                return DagPair::Same(same);
            }
            let best = (0..fresh.len())
                .map(|at| (likeness(dag, fresh[at]), at))
                .filter(|(likeness, _)| *likeness >= ALIKE)
                .max_by(|(a, i), (b, j)| a.total_cmp(b).then(j.cmp(i)));
            match best {
                Some((_, at)) => {
                    let other = fresh.remove(at);
                    match other.dag_id.exact() {
                        Some(to) => DagPair::Renamed(other, to.clone()),
                        None => DagPair::Gone,
                    }
                }
                None => DagPair::Gone,
            }
        })
        .collect()
}

/// Of several DAGs of one id, the one that takes the place of that one: the first of a file stays the
/// first of that file. In another file it is the last that is left.
fn of_one_id<'a>(deployed: &Model, dag: &Dag, same: &[&'a Dag]) -> Option<&'a Dag> {
    let ordinal = deployed
        .dags
        .iter()
        .take_while(|twin| !std::ptr::eq(twin.as_ref(), dag))
        .filter(|twin| twin.dag_id == dag.dag_id && twin.file == dag.file)
        .count();
    same.iter().filter(|twin| twin.file == dag.file).nth(ordinal).or(same.last()).copied()
}

fn of_unknown_id(dag: &Dag) -> DagPair<'_> {
    match dag.unknown.first() {
        Some(unknown) => DagPair::Unknown(unknown),
        // The model promises a reason for every id that is not exact.
        None => DagPair::Gone,
    }
}

/// How much of the two DAGs is the same: their task ids, and whether they stand in one file.
fn likeness(dag: &Dag, other: &Dag) -> f64 {
    let ids = |dag: &'_ Dag| -> BTreeSet<TaskId> {
        dag.tasks.iter().filter_map(|task| task.task_id.exact().cloned()).collect()
    };
    let (a, b) = (ids(dag), ids(other));
    let shared = share(a.intersection(&b).count(), a.union(&b).count());
    let place = if dag.file == other.file { 1.0 } else { 0.0 };
    0.75 * shared + 0.25 * place
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { float(part) / float(whole) }
}

#[expect(clippy::cast_precision_loss, reason = "counts of tasks and arguments are far below 2^52")]
fn float(count: usize) -> f64 {
    count as f64
}

/// A deployed group and where its members went.
type GroupChange = (GroupId, Option<GroupId>);

/// What became of the tasks of a DAG that both sides have.
pub(super) struct TaskPairs {
    renamed: Vec<(TaskId, TaskId)>,
    gone: Vec<TaskId>,
}

/// Pairs the tasks of a DAG.
pub(super) fn tasks((deployed, dag): (&Snapshot, &Dag), (proposed, other): (&Snapshot, &Dag)) -> TaskPairs {
    let ids =
        |dag: &Dag| -> BTreeSet<TaskId> { dag.tasks.iter().filter_map(|task| task.task_id.exact().cloned()).collect() };
    let (before, after) = (ids(dag), ids(other));
    let gone = only(dag, &after);
    let (mut elements, mut left): (Vec<&Task>, Vec<&Task>) =
        gone.into_iter().partition(|task| is_element_of_what_stays(dag, task, &after));
    let mut right: Vec<&Task> = only(other, &before);
    let mut renamed = Vec::new();
    // The best pair first; among equals the earliest of both sides, so that a row of twins pairs
    // in its order.
    loop {
        let mut best: Option<(f64, usize, usize)> = None;
        for (i, a) in left.iter().enumerate() {
            for (j, b) in right.iter().enumerate() {
                let score = similarity((deployed, a), (proposed, b), &renamed);
                if score >= ALIKE && best.is_none_or(|(top, _, _)| score > top) {
                    best = Some((score, i, j));
                }
            }
        }
        let Some((_, i, j)) = best else { break };
        let (a, b) = (left.remove(i), right.remove(j));
        if let (Some(from), Some(to)) = (a.task_id.exact(), b.task_id.exact()) {
            renamed.push((from.clone(), to.clone()));
        }
    }
    renamed.sort();
    elements.extend(left);
    let gone = elements.iter().filter_map(|task| task.task_id.exact().cloned()).collect();
    TaskPairs { renamed, gone }
}

/// Whether the task is one of several that one call makes (a loop, a factory) and others of them
/// stay: then an element went from what the loop runs over, and the code that its tasks share says
/// nothing about which new one would be the same work.
fn is_element_of_what_stays(dag: &Dag, task: &Task, after: &BTreeSet<TaskId>) -> bool {
    dag.tasks.iter().any(|other| other.at == task.at && other.task_id.exact().is_some_and(|id| after.contains(id)))
}

fn only<'a>(dag: &'a Dag, elsewhere: &BTreeSet<TaskId>) -> Vec<&'a Task> {
    dag.tasks.iter().filter(|task| task.task_id.exact().is_some_and(|id| !elsewhere.contains(id))).collect()
}

/// How alike two tasks are in what they do and where they stand, of 1; 0 for another operator.
fn similarity(
    (deployed, a): (&Snapshot, &Task),
    (proposed, b): (&Snapshot, &Task),
    renamed: &[(TaskId, TaskId)],
) -> f64 {
    if a.operator != b.operator || a.mapped.is_some() != b.mapped.is_some() {
        return 0.0;
    }
    let arguments = same_arguments(a, b);
    let code = match (&a.callable, &b.callable) {
        (Some(a), Some(b)) if a.code == b.code => 1.0,
        // Of an operator without a function in the tree, the arguments are the work.
        (None, None) => arguments,
        (Some(a), Some(b)) => {
            let named = if a.name == b.name { 0.5 } else { 0.0 };
            same_lines((deployed, a), (proposed, b)).max(named)
        }
        _ => 0.0,
    };
    let through = |ids: &BTreeSet<TaskId>| -> BTreeSet<TaskId> {
        ids.iter().map(|id| renamed.iter().find(|(from, _)| from == id).map_or(id, |(_, to)| to).clone()).collect()
    };
    let around = |a: &BTreeSet<TaskId>, b: &BTreeSet<TaskId>| {
        let a = through(a);
        share(a.intersection(b).count(), a.union(b).count())
    };
    let edges = f64::midpoint(around(&a.upstream, &b.upstream), around(&a.downstream, &b.downstream));
    0.4 * code + 0.25 * arguments + 0.25 * edges + 0.1 * spelling(a, b)
}

/// How much of two functions that are not equal is the same, of 1; 0 where that is less than most
/// of it, since any two functions share some words.
fn same_lines((deployed, a): (&Snapshot, &Callable), (proposed, b): (&Snapshot, &Callable)) -> f64 {
    // The line of the name says nothing here: that it differs is the question.
    let body = |snapshot: &Snapshot, callable: &Callable| {
        let text = super::text(snapshot, &callable.at);
        text.split_once('\n').map(|(_, body)| body.to_string()).unwrap_or_default()
    };
    let (a, b) = (body(deployed, a), body(proposed, b));
    if a.len().max(b.len()) > LONGEST_COMPARED {
        return 0.0;
    }
    let ratio = f64::from(similar::TextDiff::from_words(&a, &b).ratio());
    if ratio < ALIKE { 0.0 } else { ratio }
}

/// How much of the arguments is the same, of 1; a text that was edited counts by what is left of it.
fn same_arguments(a: &Task, b: &Task) -> f64 {
    let names: BTreeSet<&str> = a.arguments.names().chain(b.arguments.names()).collect();
    if names.is_empty() {
        return 1.0;
    }
    let alike: f64 = names
        .iter()
        .map(|name| match (a.arguments.get(name), b.arguments.get(name)) {
            (Some(a), Some(b)) if a == b => 1.0,
            (Some(x), Some(y)) if x.len().max(y.len()) <= LONGEST_COMPARED => {
                let words = similar::TextDiff::from_words(unquoted(x), unquoted(y));
                if follows_the_id(&words, a, b) { 0.0 } else { f64::from(words.ratio()) }
            }
            _ => 0.0,
        })
        .sum();
    alike / float(names.len())
}

/// A text in canonical form without the quotes around it, which are part of its first and last word.
fn unquoted(text: &str) -> &str {
    text.trim_matches('"')
}

/// Whether an argument changes as the id does (`load_eu` with `load.sh eu`, `load_us` with
/// `load.sh us`): two tasks of one kind, each with work of its own.
fn follows_the_id<'a>(words: &similar::TextDiff<'a, 'a, str>, a: &Task, b: &Task) -> bool {
    let (Some(from), Some(to)) = (a.task_id.exact(), b.task_id.exact()) else { return false };
    let named = |tag: similar::ChangeTag, id: &TaskId| {
        words.iter_all_changes().filter(|change| change.tag() == tag).any(|change| {
            let word = change.value().trim_matches(|c: char| !c.is_alphanumeric());
            !word.is_empty() && id.as_str().contains(word)
        })
    };
    named(similar::ChangeTag::Delete, from) && named(similar::ChangeTag::Insert, to)
}

/// How alike the last parts of the two ids are spelt.
fn spelling(a: &Task, b: &Task) -> f64 {
    let (Some(a), Some(b)) = (a.task_id.exact(), b.task_id.exact()) else { return 0.0 };
    f64::from(similar::TextDiff::from_chars(label(a), label(b)).ratio())
}

/// The id without the prefixes of its groups.
fn label(id: &TaskId) -> &str {
    id.as_str().rsplit('.').next().unwrap_or(id.as_str())
}

impl TaskPairs {
    /// The changes that these pairs are.
    pub(super) fn changes(&self, (deployed, dag): (Side, &Dag), (proposed, other): (Side, &Dag)) -> Vec<Change> {
        let mut by_group: BTreeMap<GroupChange, Vec<(TaskId, TaskId)>> = BTreeMap::new();
        let mut changes = Vec::new();
        for (from, to) in &self.renamed {
            let (Some(a), Some(b)) = (dag.task(from), other.task(to)) else { continue };
            let pair = (from.clone(), to.clone());
            if let Some(groups) = outermost_changed_group(dag, other, a, b) {
                by_group.entry(groups).or_default().push(pair);
            } else {
                let known = known_by(dag, proposed, other, &[pair]);
                let places =
                    id_places((deployed.snapshot, &a.id_at, &a.id_parts), (proposed.snapshot, &b.id_at, &b.id_parts));
                changes.push(renamed(dag, from, to, places, known));
            }
        }
        for ((from, to), members) in by_group {
            let at = |dag: &Dag, id: &GroupId| group(dag, id).map(|group| group.id_at.clone());
            changes.push(Change {
                deployed: at(dag, &from),
                proposed: to.as_ref().and_then(|to| at(other, to)).or_else(|| Some(other.at.clone())),
                certainty: Certainty::Certain,
                kind: Kind::Identity(Identity::GroupChanged {
                    from,
                    to,
                    known: known_by(dag, proposed, other, &members),
                    members,
                }),
                dags: vec![dag.dag_id.clone()],
            });
        }
        changes.extend(self.gone.iter().filter_map(|id| removed(dag, other, id)));
        changes
    }
}

/// Whether the pair differs by its group's prefix alone; then the deployed group and where it
/// went. Of nested groups the outermost one that differs is the change.
fn outermost_changed_group(dag: &Dag, other: &Dag, a: &Task, b: &Task) -> Option<GroupChange> {
    let (from, to) = (a.task_id.exact()?, b.task_id.exact()?);
    if label(from) != label(to) {
        return None;
    }
    let (chain_a, chain_b) = (chain(dag, a), chain(other, b));
    let innermost = chain_a.last()?;
    let differs = chain_a.iter().enumerate().find(|(at, group)| {
        !chain_b.get(*at).is_some_and(|peer| peer.group_id == group.group_id && peer.prefixes == group.prefixes)
    });
    match differs {
        Some((at, group)) => {
            let to = chain_b.get(at).or(chain_b.last()).and_then(|peer| peer.group_id.exact().cloned());
            Some((group.group_id.exact()?.clone(), to))
        }
        // The same groups around it, and more inside of them.
        None => Some((innermost.group_id.exact()?.clone(), chain_b.last().and_then(|g| g.group_id.exact().cloned()))),
    }
}

/// The groups around a task, outermost first.
fn chain<'a>(dag: &'a Dag, task: &Task) -> Vec<&'a Group> {
    let mut chain = Vec::new();
    let mut next = task.group.as_ref();
    while let Some(found) = next.and_then(|id| group(dag, id)) {
        if chain.len() > dag.groups.len() {
            break;
        }
        chain.push(found);
        next = found.parent.as_ref();
    }
    chain.reverse();
    chain
}

fn group<'a>(dag: &'a Dag, id: &GroupId) -> Option<&'a Group> {
    dag.groups.iter().find(|group| group.group_id.exact() == Some(id))
}

/// A pair under two ids as a change; the caller has exact ids on both sides.
fn renamed(dag: &Dag, from: &TaskId, to: &TaskId, (a, b): (Location, Location), known: KnownBy) -> Change {
    Change {
        kind: Kind::Identity(Identity::TaskRenamed { from: from.clone(), to: to.clone(), known }),
        dags: vec![dag.dag_id.clone()],
        certainty: Certainty::Certain,
        deployed: Some(a),
        proposed: Some(b),
    }
}

/// The places that made two ids differ: of ids that the same expression made of several texts
/// (`f"load_{table}"`), the text that is not the same on both sides.
pub(super) fn id_places(
    (deployed, a, a_parts): (&Snapshot, &Location, &[Location]),
    (proposed, b, b_parts): (&Snapshot, &Location, &[Location]),
) -> (Location, Location) {
    let differs = |a, b| super::source(deployed, a) != super::source(proposed, b);
    let alike = !differs(a, b) && a_parts.len() == b_parts.len();
    match a_parts.iter().zip(b_parts).find(|(a, b)| alike && differs(a, b)) {
        Some((a, b)) => (a.clone(), b.clone()),
        None => (a.clone(), b.clone()),
    }
}

/// The place that decided the id of a task that is gone, and where the proposed side has its like:
/// of ids that one expression makes of several texts, the text that is this one's own, and that of
/// a task beside it that stays.
fn gone_places(dag: &Dag, task: &Task, other: &Dag) -> (Location, Location) {
    let beside: Vec<&Task> =
        dag.tasks.iter().filter(|sibling| sibling.id_at == task.id_at && sibling.task_id != task.task_id).collect();
    let own = task.id_parts.iter().position(|part| beside.iter().all(|sibling| !sibling.id_parts.contains(part)));
    let stays = beside.iter().find_map(|sibling| other.task(sibling.task_id.exact()?));
    let place = |task: &Task| own.and_then(|own| task.id_parts.get(own)).unwrap_or(&task.id_at).clone();
    match stays {
        Some(stays) => (place(task), place(stays)),
        None => (task.id_at.clone(), other.at.clone()),
    }
}

/// What knows the deployed ids of these pairs. A string of its own in code or arguments counts: an
/// `xcom_pull`, a template, a sensor. What else it may mean does not matter, since the question is
/// only whether the id can be given up without a trace.
fn known_by(dag: &Dag, proposed: Side, other: &Dag, pairs: &[(TaskId, TaskId)]) -> KnownBy {
    let names = |task: &Task, id: &str| {
        task.callable.as_ref().is_some_and(|callable| names_id(&super::source(proposed.snapshot, &callable.at), id))
            || task.arguments.texts().any(|text| names_id(text, id))
    };
    let names_any = |task: &&Task| pairs.iter().any(|(from, _)| names(task, from.as_str()));
    let own_id = other.dag_id.exact();
    let foreign = proposed.model.dags.iter().filter(|foreign| foreign.dag_id != other.dag_id);
    KnownBy {
        tasks: other.tasks.iter().filter(names_any).filter_map(|task| task.task_id.exact().cloned()).collect(),
        elsewhere: foreign
            .flat_map(|foreign| foreign.tasks.iter().map(move |task| (foreign, task)))
            .filter(|(_, task)| names_any(task) && own_id.is_some_and(|id| names(task, id.as_str())))
            .filter_map(|(foreign, task)| Some((foreign.dag_id.exact()?.clone(), task.task_id.exact()?.clone())))
            .collect(),
        branches: pairs
            .iter()
            .filter_map(|(from, _)| dag.task(from))
            .flat_map(|task| task.upstream.iter().filter(|id| dag.task(id).is_some_and(is_branch)))
            .cloned()
            .collect(),
    }
}

/// Whether a task chooses which of its downstream tasks run, by Airflow's own names for such
/// operators.
fn is_branch(task: &Task) -> bool {
    task.operator.contains("Branch")
}

fn names_id(text: &str, id: &str) -> bool {
    let quote = |c: char| c == '"' || c == '\'';
    text.match_indices(id).any(|(at, found)| {
        text[..at].ends_with(quote) && text[at + found.len()..].trim_start_matches('\\').starts_with(quote)
    })
}

/// Whether it is certain that the id goes: where the proposed DAG is not wholly known, the task may
/// still be there.
fn goes(other: &Dag, id: &TaskId) -> Certainty {
    match other.unknown.first() {
        Some(unknown) if may_define(other, id) => Certainty::Possible(super::reason(unknown)),
        _ => Certainty::Certain,
    }
}

fn removed(dag: &Dag, other: &Dag, id: &TaskId) -> Option<Change> {
    let task = dag.task(id)?;
    let (at, beside) = gone_places(dag, task, other);
    Some(Change {
        kind: Kind::Identity(Identity::TaskRemoved { task_id: id.clone() }),
        dags: vec![dag.dag_id.clone()],
        certainty: goes(other, id),
        deployed: Some(at),
        proposed: Some(beside),
    })
}

/// Whether a DAG that is not complete may hold a task of that id. A listed task of unknown id
/// must fit; a reason that names no task may hide any.
fn may_define(dag: &Dag, id: &TaskId) -> bool {
    let open: Vec<_> = dag.tasks.iter().filter(|task| task.task_id.exact().is_none()).collect();
    open.is_empty()
        || dag.unknown.len() > open.len()
        || open.iter().any(|task| match &task.task_id {
            Id::Exact(exact) => exact == id,
            Id::OneOf(ids) => ids.contains(id),
            Id::Pattern { prefix, suffix } => {
                id.as_str().len() >= prefix.len() + suffix.len()
                    && id.as_str().starts_with(prefix.as_str())
                    && id.as_str().ends_with(suffix.as_str())
            }
        })
}
