//! One run, stepped to its end on one side as that Airflow's scheduler would.

use super::graph::{Graph, Over};
use super::rule::{Decision, Rule, Upstream, decide};
use super::state::State;
use super::{Choices, Family, Given, step_off};
use crate::facts::{Run, TaskState};
use crate::ids::TaskId;
use crate::replay::claim::{Fate, When, Whom};
use std::collections::{BTreeMap, BTreeSet};

/// Instances that the simulation makes of one literal list; Airflow itself refuses more than 1,024
/// elements by default.
const MOST_INSTANCES: usize = 1 << 17;

/// One side of a simulation.
#[derive(Debug)]
pub(super) struct Side<'a> {
    pub(super) graph: &'a Graph,
    pub(super) family: Family,
    /// The tasks of the graph in its order, then those that only the run has.
    pub(super) rows: Vec<Row>,
    strangers: BTreeMap<TaskId, usize>,
    claims: Claims<'a>,
    choices: &'a Choices,
    /// Tasks over whose values something is mapped on the deployed side: with a value of theirs its length
    /// is stored. What ended, or runs, as another task has stored none.
    measured: &'a BTreeSet<TaskId>,
    dirty: BTreeSet<(usize, usize)>,
    /// What is still held.
    held: Held,
    /// Mapped tasks that do not get the instances that their list has more; and whether each of their instances
    /// then does something else than it was made for.
    ungrown: BTreeMap<usize, bool>,
    /// Claims that came true, with the instance.
    pub(super) met: Vec<(usize, usize, usize)>,
    pub(super) end: End,
}

/// A task's instances.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: TaskId,
    /// By index.
    pub(super) instances: Vec<Instance>,
    tally: Upstream,
}

/// An instance.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub(super) index: i64,
    /// Its place among the run's instances; none for one that came later.
    pub(super) origin: Option<usize>,
    /// Its state when the change came.
    pub(super) was: State,
    pub(super) state: State,
    pub(super) how: How,
    /// Whether it began from the start after the change came.
    pub(super) started: bool,
    /// Whether its work is done: stored values are there.
    pub(super) done: bool,
}

/// Why an instance is in its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// As it was, or as it would be.
    AsBefore,
    /// Its id is not in the DAG.
    Gone,
    /// Its index is beyond the list.
    OverCount,
    /// The length of the list is not known any more before another task has run.
    NotCounted,
    /// The task is mapped, and the instance is not one of the mapped ones.
    NowMapped,
    /// It came with the change.
    Created,
    /// It had been removed and came back.
    Restored,
    /// A task that ended took it for gone, by the graph that it had loaded.
    FollowOn,
    /// A task that ended started it, by the graph that it had loaded, before its upstream tasks were done.
    TooEarly,
    /// It has an index and its task is not mapped any more.
    PlainIndex,
    /// A branch that has run chose by ids, and this is not among them.
    NotChosen,
    /// A claim came true.
    Claimed(usize),
    /// What it is mapped over has no stored length.
    NoLength,
    /// The trigger rule, by what is upstream.
    Rule,
    /// A worker cannot load its DAG.
    CannotLoad,
    /// A worker started it before the scheduler knew that its id is gone.
    Window,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Success,
    Failed,
    /// Nothing can run and nothing does: Airflow fails the run ("Task deadlock").
    Deadlock,
    /// It stays `running`.
    Stuck,
}

/// What does not move yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    /// Nothing.
    Nothing,
    /// What was in progress.
    Begun,
    /// That, and what is scheduled but not begun: the scheduler decides of the rest before a worker
    /// gets to it.
    Due,
}

/// Claims, by the instances that they are about.
#[derive(Debug)]
struct Claims<'a> {
    all: &'a [Given],
    by_task: BTreeMap<&'a TaskId, Vec<usize>>,
    by_instance: BTreeMap<(&'a TaskId, i64), Vec<usize>>,
}

impl<'a> Claims<'a> {
    fn of(all: &'a [Given]) -> Self {
        let mut claims = Self { all, by_task: BTreeMap::new(), by_instance: BTreeMap::new() };
        for (at, given) in all.iter().enumerate() {
            match &given.claim.whom {
                Whom::Task(task_id) => claims.by_task.entry(task_id).or_default().push(at),
                Whom::Instances(instances) => {
                    for (task_id, index) in instances {
                        claims.by_instance.entry((task_id, index.0)).or_default().push(at);
                    }
                }
                Whom::Run => {}
            }
        }
        claims
    }

    fn about(&self, task_id: &TaskId, index: i64) -> Vec<usize> {
        let of_task = self.by_task.get(task_id).into_iter().flatten();
        of_task.chain(self.by_instance.get(&(task_id, index)).into_iter().flatten()).copied().collect()
    }
}

impl<'a> Side<'a> {
    pub(super) fn new(
        graph: &'a Graph,
        run: &Run,
        family: Family,
        claims: &'a [Given],
        choices: &'a Choices,
        measured: &'a BTreeSet<TaskId>,
    ) -> Self {
        let row = |id: &TaskId| Row { id: id.clone(), instances: Vec::new(), tally: Upstream::default() };
        let mut side = Self {
            graph,
            family,
            rows: graph.nodes.iter().map(|node| row(&node.id)).collect(),
            strangers: BTreeMap::new(),
            claims: Claims::of(claims),
            choices,
            measured,
            dirty: BTreeSet::new(),
            held: Held::Due,
            ungrown: BTreeMap::new(),
            met: Vec::new(),
            end: End::Stuck,
        };
        for (origin, instance) in run.task_instances.iter().enumerate() {
            let at = side.row(&instance.task_id).unwrap_or_else(|| {
                side.strangers.insert(instance.task_id.clone(), side.rows.len());
                side.rows.push(row(&instance.task_id));
                side.rows.len() - 1
            });
            let state = State::of(&instance.state);
            side.rows[at].tally.add(state, true);
            side.rows[at].instances.push(Instance {
                index: instance.map_index.0,
                origin: Some(origin),
                was: state,
                state,
                how: How::AsBefore,
                started: false,
                done: instance.state == TaskState::Success,
            });
        }
        for row in &mut side.rows {
            row.instances.sort_by_key(|instance| instance.index);
        }
        side
    }

    /// The row of that id.
    pub(super) fn row(&self, id: &TaskId) -> Option<usize> {
        self.graph.find(id).or_else(|| self.strangers.get(id).copied())
    }

    /// Where a task's instance of that index is.
    pub(super) fn find(&self, row: usize, index: i64) -> Option<usize> {
        self.rows[row].instances.binary_search_by_key(&index, |instance| instance.index).ok()
    }

    fn is_in_graph(&self, row: usize) -> bool {
        row < self.graph.nodes.len()
    }

    fn set(&mut self, row: usize, at: usize, state: State, how: How) {
        let of = &mut self.rows[row];
        let instance = &mut of.instances[at];
        of.tally.add(instance.state, false);
        of.tally.add(state, true);
        (instance.state, instance.how) = (state, how);
        self.touch_downstream(row);
    }

    fn touch_downstream(&mut self, row: usize) {
        if let Some(node) = self.graph.nodes.get(row) {
            for down in &node.down {
                self.dirty.insert((self.graph.nodes[*down].rank, *down));
            }
        }
    }

    fn touch(&mut self, row: usize) {
        let rank = self.graph.nodes.get(row).map_or(0, |node| node.rank);
        self.dirty.insert((rank, row));
    }

    /// Makes the instances of tasks that have none.
    pub(super) fn create(&mut self) {
        for row in 0..self.graph.nodes.len() {
            if !self.rows[row].instances.is_empty() {
                continue;
            }
            let indexes = match self.graph.nodes[row].over {
                Over::Literal(count) if count > 0 && count <= MOST_INSTANCES => 0..signed(count),
                _ => -1..0,
            };
            let fresh = indexes.map(|index| Instance {
                index,
                origin: None,
                was: State::None,
                state: State::None,
                how: How::Created,
                started: false,
                done: false,
            });
            self.rows[row].instances.extend(fresh);
        }
    }

    /// `DagRun.verify_integrity`, and what the scheduler then takes for removed, when another DAG than
    /// `before` was parsed.
    pub(super) fn verify(&mut self, before: &Graph) {
        for row in 0..self.rows.len() {
            let before_at = before.find(&self.rows[row].id);
            if !self.is_in_graph(row) {
                // A task that neither side has is no work of the change.
                if before_at.is_some() && !step_off("ids that are gone are removed") {
                    for at in 0..self.rows[row].instances.len() {
                        self.remove(row, at, How::Gone);
                    }
                }
                continue;
            }
            let same = before_at.is_some_and(|at| same_count((before, at), (self.graph, row)));
            for at in 0..self.rows[row].instances.len() {
                let over = self.miscounted(row, at, same);
                let removed = self.rows[row].instances[at].state == State::Removed;
                match over {
                    Some(_) if step_off("indexes that are gone are removed") => {}
                    Some(how) => self.remove(row, at, how),
                    None if removed && !step_off("ids that come back run again") => {
                        self.set(row, at, State::None, How::Restored);
                    }
                    None => {}
                }
            }
        }
        if !step_off("new tasks are created") {
            self.create();
        }
    }

    fn remove(&mut self, row: usize, at: usize, how: How) {
        if self.rows[row].instances[at].state != State::Removed {
            self.set(row, at, State::Removed, how);
        }
    }

    /// Why an instance is not one that the task's mapping has; `same`: the mapping is the deployed one.
    fn miscounted(&self, row: usize, at: usize, same: bool) -> Option<How> {
        let instance = &self.rows[row].instances[at];
        match &self.graph.nodes[row].over {
            // What the change leaves as it is stays as it is.
            _ if same && instance.state != State::Removed => None,
            Over::Literal(_) | Over::Unsized if instance.index < 0 => Some(How::NowMapped),
            Over::One | Over::Unsized => None,
            Over::Literal(count) => (instance.index >= signed(*count)).then_some(How::OverCount),
            // Whether the stored list is shorter than the index is not known.
            Over::Stored(_) if same => Some(How::OverCount),
            Over::Stored(producers) => (instance.index >= 0 && !self.have_stored(producers)).then_some(How::NotCounted),
        }
    }

    fn have_stored(&self, producers: &[usize]) -> bool {
        producers.iter().all(|producer| {
            let instances = &self.rows[*producer].instances;
            let stored = |instance: &Instance| {
                instance.state == State::Success
                    && (instance.started || self.measured.contains(&self.rows[*producer].id))
            };
            !instances.is_empty() && instances.iter().all(stored)
        })
    }

    /// Whether a mapped task that waits as a whole, and whose list was stored when the change came, takes another
    /// list here whose length was not.
    pub(super) fn is_counted_anew(&self, (before, at): (&Graph, usize), row: usize) -> bool {
        let (Over::Stored(known), Over::Stored(others)) = (&before.nodes[at].over, &self.graph.nodes[row].over) else {
            return false;
        };
        let was_stored = |id: &TaskId| {
            let instances = self.row(id).map_or(&[][..], |row| &self.rows[row].instances);
            let stored = |instance: &Instance| instance.was == State::Success;
            self.measured.contains(id) && !instances.is_empty() && instances.iter().all(stored)
        };
        let instances = &self.rows[row].instances;
        let waits = instances.iter().all(|instance| instance.index < 0 && instance.state == State::None);
        waits
            && !instances.is_empty()
            && known.iter().all(|at| was_stored(&before.nodes[*at].id))
            && !others.iter().all(|at| was_stored(&self.graph.nodes[*at].id))
    }

    /// Claims that come true with the delivery.
    pub(super) fn deliver(&mut self) {
        if step_off("claims with the delivery") {
            return;
        }
        for row in 0..self.rows.len() {
            for at in 0..self.rows[row].instances.len() {
                if !self.rows[row].instances[at].state.is_finished()
                    && let Some((claim, state)) = self.claimed(row, at, &[When::Now])
                {
                    self.set(row, at, state, How::Claimed(claim));
                }
            }
        }
    }

    /// What the claims about an instance make of it, of those that come true at these moments; none if
    /// it goes on.
    fn claimed(&mut self, row: usize, at: usize, moments: &[When]) -> Option<(usize, State)> {
        let mut fatal = None;
        for claim in self.claims.about(&self.rows[row].id, self.rows[row].instances[at].index) {
            let given = &self.claims.all[claim].claim;
            let stored = |id: &TaskId| {
                self.row(id).is_some_and(|row| self.rows[row].instances.iter().any(|instance| instance.done))
            };
            let void =
                || given.unless_stored.as_ref().is_some_and(stored) && !step_off("claims that a stored value voids");
            if !moments.contains(&given.when) || void() {
                continue;
            }
            self.met.push((claim, row, at));
            let state = match given.fate {
                Fate::Fails | Fate::CannotLoad => State::Failed,
                Fate::NeverStarts => State::NeverStarts,
                Fate::NeverEnds => State::NeverEnds,
                Fate::Skipped => State::Skipped,
                Fate::OtherValue
                | Fate::OtherWork
                | Fate::WorkAgain
                | Fate::Noted
                | Fate::HurtsElsewhere
                | Fate::NotKnown => continue,
            };
            fatal = fatal.or(Some((claim, state)));
        }
        fatal
    }

    /// Lets everything happen that does not wait for what is in progress.
    pub(super) fn settle(&mut self) {
        for held in [Held::Due, Held::Begun] {
            self.held = held.min(self.held);
            for row in 0..self.rows.len() {
                self.touch(row);
            }
            // Every step ends an instance, or is the first look at a task: bounded by both.
            while let Some((_, row)) = self.dirty.pop_first() {
                self.evaluate(row);
            }
        }
    }

    fn evaluate(&mut self, row: usize) {
        let common = self.common(row);
        let mut revised = false;
        let mut at = 0;
        while at < self.rows[row].instances.len() {
            let state = self.rows[row].instances[at].state;
            let waits = match state {
                State::None => true,
                State::Due => self.held < Held::Due,
                State::Retry | State::Reschedule => self.held == Held::Nothing,
                _ => false,
            };
            if waits {
                match self.decision(row, at, &common) {
                    _ if state == State::Due => self.execute(row, at),
                    (Decision::Wait, _) => {}
                    (Decision::End(state), how) => self.set(row, at, state, how),
                    (Decision::Start, _) if self.rows[row].instances[at].index < 0 && self.is_mapped(row) => {
                        if self.expand(row, at) {
                            continue;
                        }
                    }
                    (Decision::Start, _) => {
                        if !revised && self.rows[row].instances[at].index >= 0 {
                            revised = true;
                            self.revise(row);
                        }
                        self.execute(row, at);
                    }
                }
            }
            at += 1;
        }
    }

    fn is_mapped(&self, row: usize) -> bool {
        self.is_in_graph(row) && self.graph.is_mapped(row)
    }

    /// What all instances of a task have upstream; and the upstream tasks of which each has its own.
    fn common(&self, row: usize) -> (Upstream, Vec<usize>, bool) {
        let Some(node) = self.graph.nodes.get(row) else { return (Upstream::default(), Vec::new(), false) };
        let by_rows = node.up.iter().any(|up| self.graph.is_mapped(*up));
        let mut all = Upstream::default();
        let mut own = Vec::new();
        for up in &node.up {
            if node.group.is_some() && self.graph.nodes[*up].group == node.group {
                own.push(*up);
            } else {
                self.join(&mut all, *up, by_rows);
            }
        }
        (all, own, by_rows)
    }

    fn join(&self, all: &mut Upstream, up: usize, by_rows: bool) {
        all.join(&self.rows[up].tally);
        all.all += if by_rows { self.rows[up].instances.len() } else { 1 };
    }

    fn decision(
        &self,
        row: usize,
        at: usize,
        (common, own, by_rows): &(Upstream, Vec<usize>, bool),
    ) -> (Decision, How) {
        let Some(node) = self.graph.nodes.get(row) else { return (Decision::Start, How::AsBefore) };
        if node.up.iter().any(|up| self.passes_over(*up, &node.id)) && !step_off("what no branch chose is skipped") {
            return (Decision::End(State::Skipped), How::NotChosen);
        }
        if node.up.is_empty() {
            return (Decision::Start, How::AsBefore);
        }
        let index = self.rows[row].instances[at].index;
        let mut upstream = *common;
        for up in own {
            if index < 0 {
                self.join(&mut upstream, *up, *by_rows);
                continue;
            }
            for index in [-1, index] {
                if let Some(at) = self.find(*up, index) {
                    upstream.all += 1;
                    upstream.add(self.rows[*up].instances[at].state, true);
                }
            }
        }
        let rule = if step_off("trigger rules") { Rule::AllSuccess } else { node.rule };
        (decide(rule, &upstream, index, self.family), How::Rule)
    }

    /// Whether a branch that has run chose, and not that task.
    fn passes_over(&self, branch: usize, id: &TaskId) -> bool {
        self.choices.made.get(&self.rows[branch].id).is_some_and(|chosen| {
            let assumed = self.choices.assumed.contains(&self.rows[branch].id);
            let ran = |instance: &Instance| instance.state == State::Success && (assumed || !instance.started);
            !chosen.contains(id) && self.rows[branch].instances.iter().any(ran)
        })
    }

    /// Expands an instance that stands for all of a mapped task; true if it is not there any more.
    fn expand(&mut self, row: usize, at: usize) -> bool {
        match self.graph.nodes[row].over {
            Over::Literal(0) => self.set(row, at, State::Skipped, How::AsBefore),
            _ if self.rows[row].instances.len() > 1 => {
                self.rows[row].instances.remove(at);
                self.touch_downstream(row);
                return true;
            }
            Over::Stored(ref producers) if !self.have_stored(producers) && !step_off("a length that is not stored") => {
                self.set(row, at, State::UpstreamFailed, How::NoLength);
            }
            // How many a stored list makes is not known; one stands for all.
            _ => self.execute(row, at),
        }
        false
    }

    /// Whether a task's list has elements that it has no instances for, and one that has not started.
    pub(super) fn grows(&self, row: usize) -> bool {
        let instances = &self.rows[row].instances;
        matches!(self.graph.nodes[row].over, Over::Literal(count) if count > instances.len())
            && instances.iter().any(|instance| instance.index >= 0 && instance.state == State::None)
    }

    /// These tasks do not get the instances that their lists have more.
    pub(super) fn keep_ungrown(&mut self, rows: BTreeMap<usize, bool>) {
        self.ungrown = rows;
    }

    /// Makes the elements that a grown list has more, once an instance of the task can start.
    fn revise(&mut self, row: usize) {
        if self.ungrown.contains_key(&row) {
            return;
        }
        let Some(Over::Literal(count)) = self.graph.nodes.get(row).map(|node| &node.over) else { return };
        if step_off("a list that has grown") {
            return;
        }
        let have: BTreeSet<i64> = self.rows[row].instances.iter().map(|instance| instance.index).collect();
        let fresh: Vec<i64> = (0..signed(*count).min(signed(MOST_INSTANCES))).filter(|at| !have.contains(at)).collect();
        if fresh.is_empty() {
            return;
        }
        for index in fresh {
            self.rows[row].instances.push(Instance {
                index,
                origin: None,
                was: State::None,
                state: State::Success,
                how: How::Created,
                started: true,
                done: true,
            });
            self.rows[row].tally.add(State::Success, true);
        }
        // Those that were there are the first ones: their places stay.
        self.rows[row].instances.sort_by_key(|instance| instance.index);
        self.touch_downstream(row);
        self.touch(row);
    }

    /// An instance begins from the start, by the code of this side.
    fn execute(&mut self, row: usize, at: usize) {
        let index = self.rows[row].instances[at].index;
        let plain = index >= 0 && self.is_in_graph(row) && !self.is_mapped(row) && !self.family.is_3();
        if plain && !step_off("an index without a mapped task") {
            self.set(row, at, State::Failed, How::PlainIndex);
            return;
        }
        let claimed = if step_off("claims at the start") {
            None
        } else {
            self.claimed(row, at, &[When::Start, When::StartOrResume])
        };
        let instance = &mut self.rows[row].instances[at];
        instance.started = !matches!(claimed, Some((_, State::NeverStarts)));
        // Of other combinations that are cut short, the first alone stands where it stood.
        instance.done = claimed.is_none() && (index <= 0 || self.ungrown.get(&row) != Some(&true));
        let how = instance.how;
        match claimed {
            Some((claim, state)) => self.set(row, at, state, How::Claimed(claim)),
            None => self.set(row, at, self.end_of(row), how),
        }
    }

    /// How an instance ends that nothing keeps from its work.
    fn end_of(&self, row: usize) -> State {
        if self.choices.skipping.contains(&self.rows[row].id) { State::Skipped } else { State::Success }
    }

    /// What a worker is at ends by the code that it loaded; gives the tasks.
    pub(super) fn finish(&mut self) -> BTreeSet<usize> {
        let mut finished = BTreeSet::new();
        for row in 0..self.rows.len() {
            for at in 0..self.rows[row].instances.len() {
                if self.rows[row].instances[at].state == State::Running {
                    self.rows[row].instances[at].done = true;
                    let how = self.rows[row].instances[at].how;
                    self.set(row, at, self.end_of(row), how);
                    finished.insert(row);
                }
            }
        }
        finished
    }

    /// What waits outside of a worker goes on, by the code of this side.
    pub(super) fn resume(&mut self) {
        self.held = Held::Nothing;
        for row in 0..self.rows.len() {
            for at in 0..self.rows[row].instances.len() {
                if self.rows[row].instances[at].state != State::Deferred {
                    continue;
                }
                let moments = [When::Resume, When::StartOrResume];
                let claimed = if step_off("claims on resuming") { None } else { self.claimed(row, at, &moments) };
                let instance = &mut self.rows[row].instances[at];
                instance.done = claimed.is_none();
                let how = instance.how;
                match claimed {
                    Some((claim, state)) => self.set(row, at, state, How::Claimed(claim)),
                    None => self.set(row, at, State::Success, how),
                }
            }
        }
    }

    /// What would start now, by this side's graph.
    fn ready(&self, rows: impl Iterator<Item = usize>) -> Vec<(usize, usize)> {
        let mut ready = Vec::new();
        for row in rows {
            let waits = |at: &usize| self.rows[row].instances[*at].state == State::None;
            let all = (0..self.rows[row].instances.len()).filter(waits);
            ready.extend(all.filter(|at| self.is_ready(row, *at)).map(|at| (row, at)));
        }
        ready
    }

    /// Whether an instance could start now, by this side's graph and not by a change of it.
    pub(super) fn is_ready(&self, row: usize, at: usize) -> bool {
        let common = self.common(row);
        self.decision(row, at, &common).0 == Decision::Start
    }

    /// Whether a task would start now by another graph, as what is upstream of it there stands.
    pub(super) fn would_start(&self, graph: &Graph, at: usize) -> bool {
        let node = &graph.nodes[at];
        let by_rows = node.up.iter().any(|up| graph.is_mapped(*up));
        let mut upstream = Upstream::default();
        for up in &node.up {
            let Some(row) = self.row(&graph.nodes[*up].id) else { return false };
            self.join(&mut upstream, row, by_rows);
        }
        node.up.is_empty() || decide(node.rule, &upstream, -1, self.family) == Decision::Start
    }

    /// The follow-on step of 2.x beside the ends of tasks: takes instances for gone, and starts others.
    pub(super) fn follow_on(&mut self, gone: &[usize], early: &[(usize, usize)]) {
        for row in gone {
            for at in 0..self.rows[*row].instances.len() {
                self.remove(*row, at, How::FollowOn);
            }
        }
        for (row, at) in early {
            if self.rows[*row].instances[*at].state == State::None {
                self.set(*row, *at, State::Failed, How::TooEarly);
            }
        }
    }

    /// What the follow-on step expanded by another list is removed.
    pub(super) fn lose_expanded(&mut self, rows: &[usize]) {
        for row in rows {
            for at in 0..self.rows[*row].instances.len() {
                if self.rows[*row].instances[at].state == State::None {
                    self.remove(*row, at, How::NotCounted);
                }
            }
        }
    }

    /// A worker starts instances whose ids are gone before the scheduler knows that: they fail, and what is
    /// behind them by the deployed graph with them.
    pub(super) fn start_early(&mut self, window: &[usize], before: &Graph) {
        let window: BTreeSet<usize> = window.iter().copied().collect();
        for row in 0..self.rows.len() {
            for at in 0..self.rows[row].instances.len() {
                let instance = &self.rows[row].instances[at];
                if !instance.origin.is_some_and(|origin| window.contains(&origin)) {
                    continue;
                }
                self.set(row, at, State::Failed, How::Window);
                let Some(known) = before.find(&self.rows[row].id) else { continue };
                for down in &before.nodes[known].down {
                    let Some(down) = self.row(&before.nodes[*down].id) else { continue };
                    for at in 0..self.rows[down].instances.len() {
                        if self.rows[down].instances[at].state == State::None {
                            self.set(down, at, State::UpstreamFailed, How::Window);
                        }
                    }
                }
            }
        }
    }

    /// The DAG cannot be loaded: what is at work ends, what is next fails on 2.x, and nothing else moves.
    ///
    /// The scheduler itself sends nothing more; but on 2.x a task that ends schedules what is behind it by the
    /// graph that it had loaded.
    pub(super) fn cannot_load(&mut self) {
        let due = |side: &Self, row: usize| {
            let instances = side.rows[row].instances.iter().enumerate();
            instances.filter(|(_, due)| due.state == State::Due).map(|(at, _)| (row, at)).collect::<Vec<_>>()
        };
        let mut fail: Vec<(usize, usize)> = (0..self.rows.len()).flat_map(|row| due(self, row)).collect();
        let finished = self.finish();
        if !self.family.is_3() && !step_off("what is next fails on 2.x") {
            let behind = finished.into_iter().filter_map(|row| self.graph.nodes.get(row)).flat_map(|node| &node.down);
            let behind: BTreeSet<usize> = behind.copied().collect();
            fail.extend(self.ready(behind.into_iter()));
            for (row, at) in fail {
                self.set(row, at, State::Failed, How::CannotLoad);
            }
        }
        self.end = End::Stuck;
    }

    /// The run is failed from outside: what is at work is ended, and nothing else moves.
    pub(super) fn fail(&mut self, claim: usize) {
        for row in 0..self.rows.len() {
            for at in 0..self.rows[row].instances.len() {
                if self.rows[row].instances[at].state == State::Running {
                    self.set(row, at, State::Skipped, How::Claimed(claim));
                }
            }
        }
        self.end = End::Failed;
    }

    /// `DagRun.update_state`.
    pub(super) fn conclude(&mut self) {
        let teardowns = self.family.has_setups();
        let nodes = 0..self.graph.nodes.len();
        let mut leaves: Vec<usize> = nodes.clone().filter(|at| self.graph.is_leaf(*at, teardowns)).collect();
        if leaves.is_empty() {
            leaves = nodes.clone().filter(|at| self.graph.nodes[*at].down.is_empty()).collect();
        }
        let instances = |row: usize| self.rows[row].instances.iter();
        let open: Vec<usize> =
            nodes.filter(|row| instances(*row).any(|instance| !instance.state.is_finished())).collect();
        let waits_only = open.iter().all(|row| {
            let moves = |state| matches!(state, State::NeverStarts | State::NeverEnds | State::Deferred);
            !self.graph.nodes[*row].limited && !instances(*row).any(|instance| moves(instance.state))
        });
        let bad = leaves.iter().any(|row| instances(*row).any(|instance| instance.state.is_bad()));
        self.end = match (open.is_empty(), bad) {
            (true, true) => End::Failed,
            (true, false) => End::Success,
            (false, _) if waits_only && !step_off("deadlock") => End::Deadlock,
            (false, _) => End::Stuck,
        };
    }
}

/// Whether both count a task's instances alike.
fn same_count((before, at): (&Graph, usize), (after, row): (&Graph, usize)) -> bool {
    match (&before.nodes[at].over, &after.nodes[row].over) {
        (Over::Stored(a), Over::Stored(b)) => {
            let ids = |graph: &Graph, all: &[usize]| -> BTreeSet<TaskId> {
                all.iter().map(|at| graph.nodes[*at].id.clone()).collect()
            };
            ids(before, a) == ids(after, b)
        }
        (a, b) => a == b,
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
