//! A run in flight, stepped to its end twice: as it would go on without the change, and under it.
//!
//! It models Airflow's scheduler on what the two DAGs say (`DagRun.verify_integrity`, trigger rules,
//! expansion of mapped tasks, the choice of branches that have run, the end of a run) and on the
//! claims of the changes. Tasks are taken to succeed unless a claim says otherwise. What was in
//! progress when the change came is held until everything else has settled: it was running before the
//! scheduler saw the change.
//!
//! Where 2.x leaves it to a race what happens (a task that ends schedules by the graph that it had
//! loaded), the run is stepped a third time with the race lost; what comes of that is kept apart
//! ([`Effect::race`]), and weighs like the rest.

mod compare;
mod graph;
mod meaning;
mod rule;
mod side;
mod state;
mod words;

use super::claim::{self, Claim, Fate, Whom};
use super::{Effect, Scene};
use crate::dag::{Choice, Dag};
use crate::diff::{self, Certainty, Change, Kind, MappingChange};
use crate::facts::{Answer, Progress, TaskState};
use crate::ids::{AirflowVersion, TaskId};
use crate::switch;
use graph::Graph;
use side::Side;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// How an Airflow schedules, as far as versions differ.
#[derive(Clone, Copy, Debug)]
struct Family(AirflowVersion);

impl Family {
    fn is_3(self) -> bool {
        self.0.major >= 3
    }

    /// Setups and teardowns came with 2.7.
    fn has_setups(self) -> bool {
        (self.0.major, self.0.minor) >= (2, 7)
    }

    /// Whether the follow-on step of a task that ends looks at the whole DAG (since 2.10.3), and not
    /// only at what is behind the task.
    fn follows_on_whole(self) -> bool {
        (self.0.major, self.0.minor, self.0.patch) >= (2, 10, 3)
    }
}

/// A claim of one of the changes.
#[derive(Debug)]
struct Given {
    change: usize,
    claim: Claim,
}

/// What is skipped by choice: what has chosen, and what is taken to choose so.
#[derive(Debug, Default)]
struct Choices {
    /// What branches chose: those directly behind them that go on.
    made: BTreeMap<TaskId, BTreeSet<TaskId>>,
    /// Those of them that have not run yet.
    assumed: BTreeSet<TaskId>,
    /// Tasks that are taken to skip themselves.
    skipping: BTreeSet<TaskId>,
}

/// What every side of a simulation is made from.
#[derive(Debug)]
struct Stage<'a> {
    scene: &'a Scene<'a>,
    changes: &'a [&'a Change],
    family: Family,
    deployed: Cow<'a, Graph>,
    proposed: Cow<'a, Graph>,
    claims: Vec<Given>,
    choices: Choices,
    /// Tasks over whose values something is mapped on the deployed side.
    measured: BTreeSet<TaskId>,
    counted: &'a Counted,
}

/// What all runs of a DAG have in common: made once for them.
#[derive(Debug)]
pub(super) struct Set {
    deployed: Option<Graph>,
    all: Counted,
    /// With the changes that are certain alone; none where all are alike.
    sure: Option<Counted>,
}

/// What is made of those changes that count.
#[derive(Debug)]
struct Counted {
    proposed: Option<Graph>,
    /// The changes that are about a task: those that are certain first, then in their order.
    about: BTreeMap<TaskId, Vec<usize>>,
    certain_only: bool,
}

impl Set {
    pub(super) fn of(changes: &[&Change], deployed: Option<&Dag>, proposed: Option<&Dag>) -> Self {
        let deployed = deployed.map(Graph::of);
        let counted = |certain_only| Counted::of(changes, deployed.as_ref(), proposed, certain_only);
        let mixed = changes.iter().any(|change| is_certain(change)) && !changes.iter().all(|change| is_certain(change));
        let (all, sure) = (counted(false), mixed.then(|| counted(true)));
        Self { deployed, all, sure }
    }
}

impl Counted {
    fn of(changes: &[&Change], deployed: Option<&Graph>, proposed: Option<&Dag>, certain_only: bool) -> Self {
        let mut about: BTreeMap<TaskId, Vec<usize>> = BTreeMap::new();
        let of = |certain| changes.iter().enumerate().filter(move |(_, change)| is_certain(change) == certain);
        for (at, change) in of(true).chain(of(false)).filter(|(_, change)| !certain_only || is_certain(change)) {
            for task_id in claim::about(&change.kind) {
                about.entry(task_id).or_default().push(at);
            }
        }
        let mut proposed = proposed.map(Graph::of);
        if let (Some(deployed), Some(proposed)) = (deployed, &mut proposed)
            && !proposed.complete
        {
            // What is not known to be gone is taken to be there.
            if !step_off("what is not known to be gone is kept") {
                proposed.keep(deployed, |id| !about.contains_key(id));
            }
        }
        Self { proposed, about, certain_only }
    }

    fn has(&self, change: &Change) -> bool {
        !self.certain_only || is_certain(change)
    }
}

fn is_certain(change: &Change) -> bool {
    change.certainty == Certainty::Certain
}

/// What each of the changes does to the run; the scene's version is known.
pub(super) fn effects(changes: &[&Change], set: &Set, scene: &Scene, version: AirflowVersion) -> Vec<Effect> {
    let scene = &Scene { version: Some(version), ..*scene };
    let replayed = |counted| replayed(changes, set.deployed.as_ref(), counted, scene, Family(version));
    let mut effects = replayed(&set.all);
    if let Some(sure) = set.sure.as_ref().filter(|_| !step_off("certain changes alone")) {
        // What only may happen must not stand in front of what does: an instance fails, or goes, once, and the
        // change that is blamed for it could be the one that nobody is sure of.
        for ((effect, sure), change) in effects.iter_mut().zip(replayed(sure)).zip(changes) {
            if is_certain(change) && sure.harm > effect.harm {
                *effect = sure;
            }
        }
    }
    effects
}

/// What each of the changes does, with the claims of those that count.
fn replayed(
    changes: &[&Change],
    deployed: Option<&Graph>,
    counted: &Counted,
    scene: &Scene,
    family: Family,
) -> Vec<Effect> {
    let mut stage = Stage::of(changes, deployed, counted, scene, family);
    let mut effects = stage.effects();
    let is_rule = |change: &&Change| {
        use diff::Graph::{DirectUpstreamChanged, TriggerRuleChanged};
        matches!(change.kind, Kind::Graph(TriggerRuleChanged { .. } | DirectUpstreamChanged { .. }))
    };
    if changes.iter().any(is_rule) {
        // What a rule does to what is skipped shows only if something is.
        for skipped in [Stage::choose, Stage::skip] {
            if !skipped(&mut stage) {
                continue;
            }
            for ((effect, chosen), change) in effects.iter_mut().zip(stage.effects()).zip(changes) {
                if is_rule(change) && chosen.harm > effect.harm {
                    *effect = chosen;
                }
            }
        }
    }
    effects
}

impl<'a> Stage<'a> {
    fn of(
        changes: &'a [&'a Change],
        deployed: Option<&'a Graph>,
        counted: &'a Counted,
        scene: &'a Scene<'a>,
        family: Family,
    ) -> Self {
        let mut claims = Vec::new();
        for (at, change) in changes.iter().enumerate().filter(|(_, change)| counted.has(change)) {
            claims.extend(claim::claims(&change.kind, scene).into_iter().map(|claim| Given { change: at, claim }));
        }
        let deployed = match deployed {
            Some(graph) => Cow::Borrowed(graph),
            // Nothing is known of it but what runs.
            None => Cow::Owned(Graph::loose(scene.run.task_instances.iter().map(|instance| &instance.task_id))),
        };
        let proposed = match &counted.proposed {
            Some(graph) if !scene.pinned() || step_off("a pinned run keeps its DAG") => Cow::Borrowed(graph),
            // The run keeps its own DAG; or what becomes of it is a claim.
            _ => deployed.clone(),
        };
        let made = if step_off("branches that have chosen") { BTreeMap::new() } else { choices(scene, &deployed) };
        let measured = deployed.sources();
        Self {
            scene,
            changes,
            family,
            deployed,
            proposed,
            claims,
            choices: Choices { made, ..Choices::default() },
            measured,
            counted,
        }
    }

    /// What each of the changes does.
    fn effects(&self) -> Vec<Effect> {
        let control = self.control();
        let (changed, race) = self.changed();
        let found = compare::compare(self, &control, &changed);
        let lost = race.map(|lost| compare::compare(self, &control, &lost));
        words::effects(self, &changed, &found, lost.as_ref())
    }

    /// Takes each branch that has not run yet to choose the first task behind it, with what comes after that;
    /// whether there is one.
    fn choose(&mut self) -> bool {
        let has_run = |id: &TaskId| {
            let mut all = super::of(self.scene.run, id);
            all.any(|instance| instance.state.progress() == Progress::Finished)
        };
        let is_branch = |id: &TaskId| {
            let task = self.scene.deployed.and_then(|dag| dag.task(id));
            task.is_some_and(|task| task.choice == Some(Choice::Branch))
        };
        let mut assumed = BTreeMap::new();
        for node in self.deployed.nodes.iter().filter(|node| node.down.len() > 1) {
            if !is_branch(&node.id) || has_run(&node.id) {
                continue;
            }
            let mut open: Vec<usize> = node.down.iter().copied().min().into_iter().collect();
            let mut chosen = BTreeSet::new();
            while let Some(at) = open.pop() {
                if chosen.insert(self.deployed.nodes[at].id.clone()) {
                    open.extend(&self.deployed.nodes[at].down);
                }
            }
            assumed.insert(node.id.clone(), chosen);
        }
        self.choices.assumed = assumed.keys().cloned().collect();
        self.choices.made.append(&mut assumed);
        !self.choices.assumed.is_empty()
    }

    /// Takes those tasks to skip themselves that can, as far as the changes of rules and direct edges depend on them;
    /// whether there is one.
    fn skip(&mut self) -> bool {
        use diff::Graph::{DirectUpstreamChanged, TriggerRuleChanged};
        let skips = self.changes.iter().filter_map(|change| match &change.kind {
            Kind::Graph(DirectUpstreamChanged { skips, .. } | TriggerRuleChanged { skips, .. }) => Some(skips),
            _ => None,
        });
        self.choices.skipping = skips.flatten().cloned().collect();
        !self.choices.skipping.is_empty() && !step_off("tasks that skip themselves")
    }

    /// The run as it would go on without the change.
    fn control(&self) -> Side<'_> {
        let mut side = Side::new(&self.deployed, self.scene.run, self.family, &[], &self.choices, &self.measured);
        // What is deployed and has no instance yet gets one either way.
        side.create();
        side.settle();
        side.finish();
        side.resume();
        side.settle();
        side.conclude();
        side
    }

    /// The run under the change; and, where a race can decide, with the race lost.
    fn changed(&self) -> (Side<'_>, Option<Side<'_>>) {
        if self.of_run(Fate::CannotLoad).is_some() && !step_off("a DAG that cannot be loaded") {
            let mut side =
                Side::new(&self.deployed, self.scene.run, self.family, &self.claims, &self.choices, &self.measured);
            side.cannot_load();
            return (side, None);
        }
        let (side, race) = self.step(None);
        let lost = race
            .filter(|race| !race.is_empty() && !step_off("a race that is lost"))
            .map(|race| self.step(Some(&race)).0);
        (side, lost)
    }

    /// The first claim of that fate about the run as a whole.
    fn of_run(&self, fate: Fate) -> Option<usize> {
        self.claims.iter().position(|given| given.claim.whom == Whom::Run && given.claim.fate == fate)
    }

    fn step(&self, lost: Option<&Race>) -> (Side<'_>, Option<Race>) {
        let mut side =
            Side::new(&self.proposed, self.scene.run, self.family, &self.claims, &self.choices, &self.measured);
        if !self.scene.pinned() && self.is_parsed_anew() && !step_off("verify_integrity") {
            side.verify(&self.deployed);
        } else {
            side.create();
        }
        side.deliver();
        if let Some(claim) = self.of_run(Fate::Fails).filter(|_| !step_off("a run that is failed")) {
            side.met.push((claim, 0, 0));
            side.fail(claim);
            return (side, None);
        }
        if let Some(lost) = lost {
            side.start_early(&lost.window, &self.deployed);
            let recombined = |row: &usize| {
                let all = self.counted.about.get(&self.proposed.nodes[*row].id).into_iter().flatten();
                all.copied().any(|at| {
                    let kind = &self.changes[at].kind;
                    matches!(kind, Kind::Mapping(MappingChange::ArgumentsChanged { same_values: false, .. }))
                })
            };
            side.keep_ungrown(lost.ungrown.iter().map(|row| (*row, recombined(row))).collect());
        }
        side.settle();
        let finished = side.finish();
        let race = self.race(&side, &finished);
        if let Some(lost) = lost {
            side.follow_on(&lost.gone, &lost.early);
            side.lose_expanded(&lost.expanded);
        }
        side.resume();
        side.settle();
        side.conclude();
        (side, Some(race))
    }

    /// Whether the scheduler sees another DAG: code alone is not part of what it has of one.
    fn is_parsed_anew(&self) -> bool {
        self.changes.iter().any(|change| !matches!(change.kind, Kind::Data(_) | Kind::Code(_) | Kind::Reference(_)))
            || !self.deployed.is_like(&self.proposed)
    }

    /// What may happen otherwise if a race is lost: an instance of an id that is gone starts between the
    /// delivery and the next parse; and on 2.x a task that ends schedules by the graph that it had loaded,
    /// and takes ids that it does not know for gone.
    fn race(&self, side: &Side, finished: &BTreeSet<usize>) -> Race {
        let mut race = Race::default();
        if self.scene.pinned() {
            return race;
        }
        for (at, instance) in self.scene.run.task_instances.iter().enumerate() {
            let waits = matches!(
                instance.state,
                TaskState::Scheduled | TaskState::Queued | TaskState::UpForReschedule | TaskState::UpForRetry
            );
            let gone =
                || self.proposed.find(&instance.task_id).is_none() && self.deployed.find(&instance.task_id).is_some();
            if waits && gone() && !step_off("the window before the next parse") {
                race.window.push(at);
            }
        }
        if self.family.is_3() {
            return race;
        }
        let ended: Vec<usize> = finished.iter().filter_map(|row| self.deployed.find(&side.rows[*row].id)).collect();
        // Since 2.10.3 the step is given the whole DAG, and no instance was seen to be taken for gone in some
        // thirty trials on 2.11.2; before, it was, where what is behind the task is all of its DAG.
        if !self.family.follows_on_whole()
            && !step_off("follow-on takes ids for gone")
            && ended.iter().any(|at| self.deployed.is_seen_whole_from(*at))
        {
            race.gone = (0..self.proposed.nodes.len())
                .filter(|row| self.deployed.find(&side.rows[*row].id).is_none())
                .collect();
        }
        if step_off("follow-on starts too early") {
            return race;
        }
        let behind: BTreeSet<usize> = ended.iter().flat_map(|at| &self.deployed.nodes[*at].down).copied().collect();
        for down in behind {
            let node = &self.deployed.nodes[down];
            let Some(row) = self.proposed.find(&node.id) else { continue };
            if !side.would_start(&self.deployed, down) {
                continue;
            }
            if side.grows(row) {
                race.ungrown.push(row);
            }
            if !step_off("follow-on expands by the list that it knew")
                && side.is_counted_anew((&self.deployed, down), row)
            {
                race.expanded.push(row);
            }
            for at in 0..side.rows[row].instances.len() {
                if side.rows[row].instances[at].state == state::State::None && !side.is_ready(row, at) {
                    race.early.push((row, at));
                }
            }
        }
        race
    }
}

/// Whether a step of the replay is off (see [`switch`]).
fn step_off(step: &str) -> bool {
    switch::part_off("step", step)
}

/// What a race can do, if it is lost.
#[derive(Debug, Default)]
struct Race {
    /// Instances of ids that are gone, which may start before the scheduler knows: their places among
    /// the run's instances.
    window: Vec<usize>,
    /// Tasks that a task which ends takes for gone.
    gone: Vec<usize>,
    /// Instances that it starts before what is upstream of them is done.
    early: Vec<(usize, usize)>,
    /// Mapped tasks whose instances it starts as it knows them: nobody looks then whether the list has grown.
    ungrown: Vec<usize>,
    /// Mapped tasks that it expands by the list that it knew: while the length of the other one is not stored, the
    /// scheduler takes their instances for too many, and removes them (2.6.2, 2.11.2).
    expanded: Vec<usize>,
}

impl Race {
    fn is_empty(&self) -> bool {
        self.window.is_empty()
            && self.gone.is_empty()
            && self.early.is_empty()
            && self.ungrown.is_empty()
            && self.expanded.is_empty()
    }
}

/// What branches that have run chose: the tasks directly behind them that were not skipped. A run holds
/// the choice by ids; what is behind a branch under another id is not chosen.
fn choices(scene: &Scene, deployed: &Graph) -> BTreeMap<TaskId, BTreeSet<TaskId>> {
    let mut choices = BTreeMap::new();
    let mut skipped: BTreeSet<&TaskId> = BTreeSet::new();
    for instance in &scene.run.task_instances {
        if instance.state == TaskState::Skipped {
            skipped.insert(&instance.task_id);
        }
    }
    for instance in &scene.run.task_instances {
        let Some(at) = deployed.find(&instance.task_id).filter(|_| instance.state == TaskState::Success) else {
            continue;
        };
        let task = scene.deployed.and_then(|dag| dag.task(&instance.task_id));
        let choice = match (&instance.operator, task) {
            // It ran as another class.
            (Some(operator), task) if task.is_none_or(|task| *task.operator != **operator) => Choice::named(operator),
            (_, task) => task.and_then(|task| task.choice),
        };
        // A short circuit holds what it skips, and not what it lets pass.
        let stored = matches!(&instance.xcom_keys, Answer::Checked(keys) if keys.contains("skipmixin_key"));
        let keeps = choice.is_some_and(Choice::keeps_what_goes_on);
        if keeps || stored && choice.is_none() {
            let followed = deployed.nodes[at].down.iter().map(|down| &deployed.nodes[*down].id);
            let followed = followed.filter(|id| !skipped.contains(id)).cloned().collect();
            choices.insert(instance.task_id.clone(), followed);
        }
    }
    choices
}
