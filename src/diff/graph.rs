//! The order of tasks: what waits for what, and how.
//!
//! An edge counts by what it orders, not by how it is written: of `a >> b >> c`, the edge `a >> c` adds
//! nothing. A task that went or came is no break of an order that goes through it.

use super::pairing::TaskPairs;
use super::{Certainty, Change, Graph, Kind};
use crate::content::{Location, Snapshot};
use crate::dag::{Dag, Phase, Task};
use crate::ids::TaskId;
use std::collections::{BTreeMap, BTreeSet};

/// Airflow's rule for a task that gives none.
const DEFAULT_RULE: &str = "all_success";

/// Tasks in a DAG up to which order is compared by every path; beyond, edge by edge.
const MOST_ORDERED: usize = 10_000;

/// The changes of the graph of a DAG that both sides have.
pub(super) fn changes(pairs: &TaskPairs, dag: &Dag, (proposed, other): (&Snapshot, &Dag)) -> Vec<Change> {
    let both: Vec<(&Task, &Task)> = both(pairs, dag, other);
    let mut changes = Vec::new();
    let change = |kind, (at, other_at): (&Location, &Location), certainty: Certainty| Change {
        kind: Kind::Graph(kind),
        dags: vec![dag.dag_id.clone()],
        certainty,
        deployed: Some(at.clone()),
        proposed: Some(other_at.clone()),
    };
    let (orders, directs) = if both.iter().all(|(a, b)| a.upstream == b.upstream) {
        (Vec::new(), Vec::new())
    } else {
        let compared = Compared {
            pairs,
            dag,
            other,
            before: Paths::of(dag),
            after: Paths::of(other),
            moved: pairs.moved_ids(),
            origins: pairs.origins(),
        };
        (compared.order(&both), compared.direct(&both))
    };
    for order in orders {
        let (a, b) = both[order.task];
        let id = || b.task_id.exact().cloned();
        let (Some(task_id), Some(again)) = (id(), id()) else { continue };
        let at = order.removed.first().and_then(|up| edge_at(dag, up, a)).unwrap_or(&a.at);
        let other_at = order.added.first().and_then(|up| edge_at(other, up, b)).unwrap_or(&b.at);
        if !order.removed.is_empty() {
            let reads = reads(proposed, b, &order.removed);
            let kind = Graph::UpstreamRemoved { task_id, upstream: order.removed, reads };
            changes.push(change(kind, (at, &b.at), whole(other)));
        }
        if !order.added.is_empty() {
            let new = order.added.iter().all(|up| pairs.added.contains(up));
            let kind = Graph::UpstreamAdded { task_id: again, upstream: order.added, new };
            changes.push(change(kind, (&a.at, other_at), whole(dag)));
        }
    }
    for direct in directs {
        let (a, b) = both[direct.task];
        let Some(task_id) = b.task_id.exact().cloned() else { continue };
        let at = direct.removed.first().and_then(|up| edge_at(dag, up, a)).unwrap_or(&a.at);
        let other_at = direct.added.first().and_then(|up| edge_at(other, up, b)).unwrap_or(&b.at);
        let kind = Graph::DirectUpstreamChanged {
            task_id,
            before: direct.removed,
            after: direct.added,
            skips: skips(proposed, other, [a, b]),
        };
        changes.push(change(kind, (at, other_at), whole(dag)));
    }
    for (a, b) in both {
        let Some(task_id) = b.task_id.exact() else { continue };
        let places = (&a.at, &b.at);
        let rule = |task: &Task| task.trigger_rule.as_deref().unwrap_or(DEFAULT_RULE).to_owned();
        // The rule of a teardown comes with its being one.
        if a.phase == b.phase && rule(a) != rule(b) {
            let upstream: Vec<TaskId> = b.upstream.iter().cloned().collect();
            let reads = reads(proposed, b, &upstream);
            let kind = Graph::TriggerRuleChanged {
                task_id: task_id.clone(),
                before: rule(a),
                after: rule(b),
                reads,
                skips: skips(proposed, other, [a, b]),
            };
            changes.push(change(kind, places, Certainty::Certain));
        }
        if a.phase != b.phase {
            let kind = Graph::PhaseChanged { task_id: task_id.clone(), before: a.phase, after: b.phase };
            changes.push(change(kind, places, Certainty::Certain));
        }
        let alone = |task: &Task| task.upstream.is_empty() && task.downstream.is_empty();
        if alone(b) && !alone(a) && other.tasks.len() > 1 && a.phase == Phase::Work {
            changes.push(change(Graph::Disconnected { task_id: task_id.clone() }, places, whole(other)));
        }
        let waits = |task: &Task| task.arguments.get("depends_on_past") == Some("True");
        if waits(b) && !waits(a) {
            changes.push(change(Graph::DependsOnPast { task_id: task_id.clone() }, places, Certainty::Certain));
        }
    }
    changes
}

/// Those tasks whose values a task takes as arguments, or whose ids stand as strings in its code or
/// arguments, as in a pull: the text of an output, as `f"{extract.output}"` has it, is one.
fn reads(proposed: &Snapshot, task: &Task, of: &[TaskId]) -> Vec<TaskId> {
    let code = task.callable.as_ref().map(|callable| super::text(proposed, &callable.at));
    let pulled: BTreeSet<&str> = code
        .iter()
        .flat_map(|code| super::quoted(code))
        .chain(task.arguments.texts().flat_map(super::quoted))
        .collect();
    let in_text = |id: &TaskId| {
        let output = format!("output({id}, ");
        task.arguments.texts().any(|text| text.contains(&output))
    };
    let read = |id: &&TaskId| {
        pulled.contains(id.as_str()) || task.takes.iter().any(|takes| takes.producer == **id) || in_text(id)
    };
    of.iter().filter(read).cloned().collect()
}

/// Those of the tasks directly before one, on either side, whose proposed code names the exception by which a task
/// skips itself.
fn skips(proposed: &Snapshot, other: &Dag, sides: [&Task; 2]) -> Vec<TaskId> {
    let skips_itself = |task: &Task| {
        let mut code = task.callable.iter().chain(&task.methods);
        code.any(|callable| super::text(proposed, &callable.at).contains("AirflowSkipException"))
    };
    let upstream: BTreeSet<&TaskId> = sides.iter().flat_map(|task| task.upstream.iter()).collect();
    upstream.into_iter().filter(|up| other.task(up).is_some_and(skips_itself)).cloned().collect()
}

/// An edge that is not there is certain only of a DAG that is wholly known.
fn whole(dag: &Dag) -> Certainty {
    match dag.unknown.first() {
        Some(unknown) => Certainty::Possible(super::reason(unknown)),
        None => Certainty::Certain,
    }
}

/// Tasks of both sides under an id that means the same on both.
fn both<'a>(pairs: &TaskPairs, dag: &'a Dag, other: &'a Dag) -> Vec<(&'a Task, &'a Task)> {
    let after: BTreeMap<&TaskId, &Task> =
        other.tasks.iter().filter_map(|task| Some((task.task_id.exact()?, task))).collect();
    let moved = pairs.moved_ids();
    dag.tasks
        .iter()
        .filter_map(|task| {
            let id = task.task_id.exact().filter(|id| !moved.contains(id))?;
            Some((task, *after.get(id)?))
        })
        .collect()
}

fn edge_at<'a>(dag: &'a Dag, up: &TaskId, down: &Task) -> Option<&'a Location> {
    let down = down.task_id.exact()?;
    dag.edges.iter().find(|edge| edge.up == *up && edge.down == *down).map(|edge| &edge.at)
}

/// How the order before one task changed; the task by its number in the list of both sides.
struct Order {
    task: usize,
    added: Vec<TaskId>,
    removed: Vec<TaskId>,
}

/// A DAG of both sides, and what comes before what in it.
struct Compared<'a> {
    pairs: &'a TaskPairs,
    dag: &'a Dag,
    other: &'a Dag,
    before: Paths<'a>,
    after: Paths<'a>,
    /// Ids that mean other work on one side than on the other.
    moved: BTreeSet<&'a TaskId>,
    /// The deployed id of each proposed id that takes over the work of another.
    origins: BTreeMap<&'a TaskId, &'a TaskId>,
}

impl Compared<'_> {
    /// Whether a task already came after one that the proposed side has, by any path.
    fn came_after(&self, up: &TaskId, id: &TaskId) -> bool {
        let same = || (!self.moved.contains(up)).then_some(up);
        self.origins.get(up).copied().or_else(same).is_some_and(|origin| self.before.orders(origin, id))
    }

    /// Of each task of both sides, what it newly waits for and what not any more.
    fn order(&self, both: &[(&Task, &Task)]) -> Vec<Order> {
        // Work that went is looked through: what was ordered by way of it is still to be ordered.
        let known: BTreeSet<&TaskId> = self.other.tasks.iter().filter_map(|task| task.task_id.exact()).collect();
        let target = |id: &TaskId| -> Option<TaskId> {
            let to = self.pairs.through(id);
            (to != id || known.contains(id) && !self.moved.contains(id)).then(|| to.clone())
        };
        let mut found = Vec::new();
        for (task, (a, b)) in both.iter().enumerate() {
            let Some(id) = a.task_id.exact() else { continue };
            let removed: Vec<TaskId> = self
                .before
                .nearest(id, |up| target(up).is_some())
                .into_iter()
                .filter_map(target)
                .filter(|up| !self.after.orders(up, id))
                .collect();
            let added: Vec<TaskId> = b.upstream.iter().filter(|up| !self.came_after(up, id)).cloned().collect();
            if !(removed.is_empty() && added.is_empty()) {
                found.push(Order { task, added, removed });
            }
        }
        found
    }

    /// Of each task of both sides that still comes after the same, what it comes directly after now and not any
    /// more, where more than the order depends on that.
    fn direct(&self, both: &[(&Task, &Task)]) -> Vec<Order> {
        let mut found = Vec::new();
        for (task, (a, b)) in both.iter().enumerate() {
            let Some(id) = a.task_id.exact() else { continue };
            let was: BTreeSet<&TaskId> = a.upstream.iter().map(|up| self.pairs.through(up)).collect();
            let is: BTreeSet<&TaskId> = b.upstream.iter().collect();
            let is_kept = |up: &&&TaskId| self.after.orders(up, id) && self.came_after(up, id);
            let removed: Vec<TaskId> = was.difference(&is).filter(is_kept).map(|up| (*up).clone()).collect();
            let added: Vec<TaskId> = is.difference(&was).filter(is_kept).map(|up| (*up).clone()).collect();
            let mut all = removed.iter().chain(&added);
            if all.any(|up| tells(self.dag, &self.before, up, id) || tells(self.other, &self.after, up, id)) {
                found.push(Order { task, added, removed });
            }
        }
        found
    }
}

/// Whether it matters that a task comes directly after one that it comes after anyway. A branch that has chosen
/// skips what is directly behind it and was not when it chose; and a trigger rule, of the task or of what lies
/// between, lets it start although what comes before has not succeeded.
fn tells(dag: &Dag, paths: &Paths, up: &TaskId, id: &TaskId) -> bool {
    let is_strict =
        |task: &Task| task.phase == Phase::Work && task.trigger_rule.as_deref().is_none_or(|rule| rule == DEFAULT_RULE);
    let is_between = |task: &Task| {
        task.task_id.exact().is_some_and(|between| paths.orders(up, between) && paths.orders(between, id))
    };
    dag.task(up).is_some_and(Task::is_branch)
        || dag.task(id).is_some_and(|task| !is_strict(task))
        || dag.tasks.iter().any(|task| !is_strict(task) && is_between(task))
}

/// Which task comes before which, by any path.
struct Paths<'a> {
    at: BTreeMap<&'a TaskId, usize>,
    up: Vec<Vec<usize>>,
    ids: Vec<&'a TaskId>,
    /// One row of bits a task: those that come before it. Empty for a DAG that is too large.
    before: Vec<Vec<u64>>,
}

impl<'a> Paths<'a> {
    fn of(dag: &'a Dag) -> Self {
        let ids: Vec<&TaskId> = dag.tasks.iter().filter_map(|task| task.task_id.exact()).collect();
        let at: BTreeMap<&TaskId, usize> = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        let mut up = vec![Vec::new(); ids.len()];
        for task in &dag.tasks {
            if let Some(own) = task.task_id.exact().and_then(|id| at.get(id)) {
                up[*own] = task.upstream.iter().filter_map(|id| at.get(id).copied()).collect();
            }
        }
        let before = if ids.len() <= MOST_ORDERED { closure(&up) } else { Vec::new() };
        Self { at, up, ids, before }
    }

    /// Whether one task comes before another one.
    fn orders(&self, up: &TaskId, down: &TaskId) -> bool {
        let (Some(up), Some(down)) = (self.at.get(up), self.at.get(down)) else { return false };
        match self.before.get(*down) {
            Some(row) => row[up / 64] & (1 << (up % 64)) != 0,
            None => self.up[*down].contains(up),
        }
    }

    /// The tasks that come directly before one, where those that do not count are looked through.
    fn nearest(&self, id: &TaskId, counts: impl Fn(&TaskId) -> bool) -> Vec<&'a TaskId> {
        let Some(start) = self.at.get(id) else { return Vec::new() };
        let mut open = self.up[*start].clone();
        let mut seen: BTreeSet<usize> = open.iter().copied().collect();
        let mut found = Vec::new();
        while let Some(up) = open.pop() {
            if counts(self.ids[up]) {
                found.push(self.ids[up]);
                continue;
            }
            for next in &self.up[up] {
                if seen.insert(*next) {
                    open.push(*next);
                }
            }
        }
        found.sort();
        found
    }
}

/// Everything that comes before each task, in rows of bits. Tasks of a circle, which Airflow refuses, come
/// before nothing.
fn closure(up: &[Vec<usize>]) -> Vec<Vec<u64>> {
    let words = up.len().div_ceil(64);
    let mut down = vec![Vec::new(); up.len()];
    let mut left: Vec<usize> = up.iter().map(Vec::len).collect();
    for (task, ups) in up.iter().enumerate() {
        for up in ups {
            down[*up].push(task);
        }
    }
    let mut rows = vec![vec![0_u64; words]; up.len()];
    let mut free: Vec<usize> = (0..up.len()).filter(|task| left[*task] == 0).collect();
    while let Some(task) = free.pop() {
        let mut row = std::mem::take(&mut rows[task]);
        for up in &up[task] {
            row.iter_mut().zip(&rows[*up]).for_each(|(own, theirs)| *own |= theirs);
            row[up / 64] |= 1 << (up % 64);
        }
        rows[task] = row;
        for next in &down[task] {
            left[*next] -= 1;
            if left[*next] == 0 {
                free.push(*next);
            }
        }
    }
    rows
}
