//! The part of a DAG that Airflow's scheduler looks at.

use super::rule::Rule;
use crate::dag::{Dag, Few, Mapping};
use crate::ids::TaskId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A DAG as the scheduler sees it.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    /// Its tasks.
    pub(super) nodes: Vec<Node>,
    /// Where each is.
    by_id: BTreeMap<TaskId, usize>,
    /// Whether these are all of its tasks, for certain.
    pub(super) complete: bool,
}

/// A task.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) id: TaskId,
    /// Direct upstream tasks.
    pub(super) up: Vec<usize>,
    /// Direct downstream tasks.
    pub(super) down: Vec<usize>,
    pub(super) rule: Rule,
    pub(super) over: Over,
    /// The mapped group that it is in.
    pub(super) group: Option<usize>,
    pub(super) teardown: bool,
    /// Whether an option keeps the scheduler from calling its wait a deadlock (`depends_on_past`,
    /// `max_active_tis_per_dag`, `max_active_tis_per_dagrun`).
    pub(super) limited: bool,
    /// How far it is from the roots: what is evaluated in this order is evaluated once.
    pub(super) rank: usize,
}

/// What gives the number of a task's instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// It is not mapped.
    One,
    /// The text.
    Literal(usize),
    /// A list whose length the text does not say.
    Unsized,
    /// Values that those tasks store.
    Stored(Vec<usize>),
}

impl Graph {
    pub(super) fn of(dag: &Dag) -> Self {
        let mut graph = Self { complete: dag.complete(), ..Self::default() };
        for task in &dag.tasks {
            if let Some(id) = task.task_id.exact()
                && !graph.by_id.contains_key(id)
            {
                graph.by_id.insert(id.clone(), graph.nodes.len());
                graph.nodes.push(Node::new(id.clone()));
            }
        }
        let groups: BTreeMap<_, _> =
            dag.groups.iter().enumerate().filter_map(|(at, group)| Some((group.group_id.exact()?, at))).collect();
        for task in &dag.tasks {
            let Some(at) = task.task_id.exact().and_then(|id| graph.find(id)) else { continue };
            let find = |ids: &Few<TaskId>| ids.iter().filter_map(|id| graph.find(id)).collect();
            let (up, down) = (find(&task.upstream), find(&task.downstream));
            // The innermost mapped group around it; nothing is mapped within one.
            let mut group = task.group.as_ref().and_then(|id| groups.get(id).copied());
            let mut climbed = 0;
            while let Some(inner) = group
                && dag.groups[inner].mapped.is_none()
                && climbed <= dag.groups.len()
            {
                group = dag.groups[inner].parent.as_ref().and_then(|id| groups.get(id).copied());
                climbed += 1;
            }
            let group = group.filter(|at| dag.groups[*at].mapped.is_some());
            let mapping = task.mapped.as_ref().or_else(|| dag.groups[group?].mapped.as_ref());
            let over = mapping.map_or(Over::One, |mapping| graph.over(mapping));
            let given = |name| task.arguments.get(name).is_some_and(|text| !matches!(text, "None" | "False"));
            let limited = ["depends_on_past", "max_active_tis_per_dag", "max_active_tis_per_dagrun"];
            let node = &mut graph.nodes[at];
            (node.up, node.down, node.over, node.group) = (up, down, over, group);
            node.rule = Rule::of(task.trigger_rule.as_deref());
            node.teardown = node.rule == Rule::AllDoneSetupSuccess;
            node.limited = limited.into_iter().any(given);
        }
        graph.rank();
        graph
    }

    /// A graph of tasks without dependencies: where nothing is known of a DAG but what runs.
    pub(super) fn loose<'a>(ids: impl Iterator<Item = &'a TaskId>) -> Self {
        let mut graph = Self::default();
        for id in ids {
            if !graph.by_id.contains_key(id) {
                graph.by_id.insert(id.clone(), graph.nodes.len());
                graph.nodes.push(Node::new(id.clone()));
            }
        }
        graph
    }

    /// Adds the tasks of the other side that this one must still have.
    pub(super) fn keep(&mut self, other: &Self, keeps: impl Fn(&TaskId) -> bool) {
        for node in &other.nodes {
            if self.by_id.contains_key(&node.id) || !keeps(&node.id) {
                continue;
            }
            let here = self.nodes.len();
            let find = |all: &[usize]| all.iter().filter_map(|at| self.find(&other.nodes[*at].id)).collect::<Vec<_>>();
            let (up, down) = (find(&node.up), find(&node.down));
            let over = match &node.over {
                Over::Stored(from) => Over::Stored(find(from)),
                over => over.clone(),
            };
            for at in &up {
                self.nodes[*at].down.push(here);
            }
            for at in &down {
                self.nodes[*at].up.push(here);
            }
            self.by_id.insert(node.id.clone(), here);
            self.nodes.push(Node { up, down, over, group: None, ..node.clone() });
        }
        self.rank();
    }

    /// Whether the scheduler has the same of both.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let ids = |graph: &Self, all: &[usize]| -> BTreeSet<TaskId> {
            all.iter().map(|at| graph.nodes[*at].id.clone()).collect()
        };
        self.nodes.len() == other.nodes.len()
            && self.nodes.iter().all(|node| {
                let Some(at) = other.find(&node.id) else { return false };
                let like = &other.nodes[at];
                let over = match (&node.over, &like.over) {
                    (Over::Stored(a), Over::Stored(b)) => ids(self, a) == ids(other, b),
                    (a, b) => a == b,
                };
                over && node.rule == like.rule && ids(self, &node.up) == ids(other, &like.up)
            })
    }

    pub(super) fn find(&self, id: &TaskId) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// The tasks over whose values something is mapped.
    pub(super) fn sources(&self) -> BTreeSet<TaskId> {
        let over = self.nodes.iter().filter_map(|node| match &node.over {
            Over::Stored(from) => Some(from),
            Over::One | Over::Literal(_) | Over::Unsized => None,
        });
        over.flatten().map(|at| self.nodes[*at].id.clone()).collect()
    }

    fn over(&self, mapping: &Mapping) -> Over {
        match mapping.count() {
            Some(count) => Over::Literal(count),
            None if mapping.over.iter().all(|over| over.tasks.is_empty()) => Over::Unsized,
            None => {
                Over::Stored(mapping.over.iter().flat_map(|over| &over.tasks).filter_map(|id| self.find(id)).collect())
            }
        }
    }

    /// Ranks the tasks; those of a cycle come last.
    fn rank(&mut self) {
        let mut open: Vec<usize> = self.nodes.iter().map(|node| node.up.len()).collect();
        let mut ready: VecDeque<usize> = (0..open.len()).filter(|at| open[*at] == 0).collect();
        let mut next = 0;
        for node in &mut self.nodes {
            node.rank = usize::MAX;
        }
        while let Some(at) = ready.pop_front() {
            self.nodes[at].rank = next;
            next += 1;
            for down in self.nodes[at].down.clone() {
                open[down] = open[down].saturating_sub(1);
                if open[down] == 0 && self.nodes[down].rank == usize::MAX {
                    ready.push_back(down);
                }
            }
        }
    }

    /// Whether `at` takes its number of instances from more than its own line: then the scheduler counts
    /// rows, not tasks.
    pub(super) fn is_mapped(&self, at: usize) -> bool {
        self.nodes[at].over != Over::One
    }

    /// Whether the end of a run is read from this task: a leaf, with teardowns left out.
    pub(super) fn is_leaf(&self, at: usize, teardowns: bool) -> bool {
        let node = &self.nodes[at];
        if !teardowns {
            return node.down.is_empty();
        }
        !node.teardown && node.down.iter().all(|down| self.nodes[*down].teardown)
    }

    /// Whether the follow-on step after that task looks at the whole DAG on Airflow before 2.10.3: its
    /// downstream tasks, all behind them, and what is directly upstream of those.
    pub(super) fn is_seen_whole_from(&self, at: usize) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = self.nodes[at].down.clone();
        while let Some(at) = open.pop() {
            if seen.insert(at) {
                open.extend(&self.nodes[at].down);
            }
        }
        let mut all = seen.clone();
        all.extend(seen.iter().flat_map(|at| &self.nodes[*at].up));
        all.len() == self.nodes.len()
    }
}

impl Node {
    fn new(id: TaskId) -> Self {
        Self {
            id,
            up: Vec::new(),
            down: Vec::new(),
            rule: Rule::AllSuccess,
            over: Over::One,
            group: None,
            teardown: false,
            limited: false,
            rank: 0,
        }
    }
}
