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
use crate::dag::Dag;
use crate::diff::{Certainty, Change, Kind};
use crate::facts::{Answer, TaskState};
use crate::ids::{AirflowVersion, TaskId};
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

/// What every side of a simulation is made from.
#[derive(Debug)]
struct Stage<'a> {
    scene: &'a Scene<'a>,
    changes: &'a [&'a Change],
    family: Family,
    deployed: Cow<'a, Graph>,
    proposed: Cow<'a, Graph>,
    claims: Vec<Given>,
    /// What branches that have run chose.
    choices: BTreeMap<TaskId, BTreeSet<TaskId>>,
    /// Tasks over whose values something is mapped on the deployed side.
    measured: BTreeSet<TaskId>,
    /// The changes that are about a task, in their order.
    about: &'a BTreeMap<TaskId, Vec<usize>>,
}

/// What all runs of a DAG have in common: made once for them.
#[derive(Debug)]
pub(super) struct Set {
    deployed: Option<Graph>,
    proposed: Option<Graph>,
    about: BTreeMap<TaskId, Vec<usize>>,
}

impl Set {
    pub(super) fn of(changes: &[&Change], deployed: Option<&Dag>, proposed: Option<&Dag>) -> Self {
        let mut about: BTreeMap<TaskId, Vec<usize>> = BTreeMap::new();
        for (at, change) in changes.iter().enumerate() {
            for task_id in claim::about(&change.kind) {
                about.entry(task_id).or_default().push(at);
            }
        }
        let deployed = deployed.map(Graph::of);
        let mut proposed = proposed.map(Graph::of);
        if let (Some(deployed), Some(proposed)) = (&deployed, &mut proposed)
            && !proposed.complete
        {
            // What is not known to be gone is taken to be there.
            proposed.keep(deployed, |id| !about.contains_key(id));
        }
        Self { deployed, proposed, about }
    }
}

/// What each of the changes does to the run; the scene's version is known.
pub(super) fn effects(changes: &[&Change], set: &Set, scene: &Scene, version: AirflowVersion) -> Vec<Effect> {
    let scene = &Scene { version: Some(version), ..*scene };
    let mut effects = replayed(changes, set, scene, Family(version), &|_| true);
    let certain = |change: &Change| change.certainty == Certainty::Certain;
    if changes.iter().any(|change| certain(change)) && !changes.iter().all(|change| certain(change)) {
        // What only may happen must not stand in front of what does: an instance fails once, and the change
        // that is blamed for it could be the one that nobody is sure of.
        let sure = replayed(changes, set, scene, Family(version), &certain);
        for ((effect, sure), change) in effects.iter_mut().zip(sure).zip(changes) {
            if certain(change) && sure.harm > effect.harm {
                *effect = sure;
            }
        }
    }
    effects
}

/// What each of the changes does, with the claims of those that count.
fn replayed(
    changes: &[&Change],
    set: &Set,
    scene: &Scene,
    family: Family,
    counts: &dyn Fn(&Change) -> bool,
) -> Vec<Effect> {
    let stage = Stage::of(changes, set, scene, family, counts);
    let control = stage.control();
    let (changed, race) = stage.changed();
    let found = compare::compare(&stage, &control, &changed);
    let lost = race.map(|lost| compare::compare(&stage, &control, &lost));
    words::effects(&stage, &changed, &found, lost.as_ref())
}

impl<'a> Stage<'a> {
    fn of(
        changes: &'a [&'a Change],
        set: &'a Set,
        scene: &'a Scene<'a>,
        family: Family,
        counts: &dyn Fn(&Change) -> bool,
    ) -> Self {
        let mut claims = Vec::new();
        for (at, change) in changes.iter().enumerate().filter(|(_, change)| counts(change)) {
            claims.extend(claim::claims(&change.kind, scene).into_iter().map(|claim| Given { change: at, claim }));
        }
        let deployed = match &set.deployed {
            Some(graph) => Cow::Borrowed(graph),
            // Nothing is known of it but what runs.
            None => Cow::Owned(Graph::loose(scene.run.task_instances.iter().map(|instance| &instance.task_id))),
        };
        let proposed = match &set.proposed {
            Some(graph) if !scene.pinned() => Cow::Borrowed(graph),
            // The run keeps its own DAG; or what becomes of it is a claim.
            _ => deployed.clone(),
        };
        let choices = choices(scene, &deployed);
        let measured = deployed.sources();
        Self { scene, changes, family, deployed, proposed, claims, choices, measured, about: &set.about }
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
        if self.of_run(Fate::CannotLoad).is_some() {
            let mut side =
                Side::new(&self.deployed, self.scene.run, self.family, &self.claims, &self.choices, &self.measured);
            side.cannot_load();
            return (side, None);
        }
        let (side, race) = self.step(None);
        let lost = race.filter(|race| !race.is_empty()).map(|race| self.step(Some(&race)).0);
        (side, lost)
    }

    /// The first claim of that fate about the run as a whole.
    fn of_run(&self, fate: Fate) -> Option<usize> {
        self.claims.iter().position(|given| given.claim.whom == Whom::Run && given.claim.fate == fate)
    }

    fn step(&self, lost: Option<&Race>) -> (Side<'_>, Option<Race>) {
        let mut side =
            Side::new(&self.proposed, self.scene.run, self.family, &self.claims, &self.choices, &self.measured);
        if !self.scene.pinned() && self.is_parsed_anew() {
            side.verify(&self.deployed);
        } else {
            side.create();
        }
        side.deliver();
        if let Some(claim) = self.of_run(Fate::Fails) {
            side.met.push((claim, 0, 0));
            side.fail(claim);
            return (side, None);
        }
        if let Some(lost) = lost {
            side.start_early(&lost.window, &self.deployed);
        }
        side.settle();
        let finished = side.finish();
        let race = self.race(&side, &finished);
        if let Some(lost) = lost {
            side.follow_on(&lost.gone, &lost.early);
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
            if waits && gone() {
                race.window.push(at);
            }
        }
        if self.family.is_3() {
            return race;
        }
        let ended: Vec<usize> = finished.iter().filter_map(|row| self.deployed.find(&side.rows[*row].id)).collect();
        // Since 2.10.3 the step is given the whole DAG, and no instance was seen to be taken for gone in some
        // thirty trials on 2.11.2; before, it was, where what is behind the task is all of its DAG.
        if !self.family.follows_on_whole() && ended.iter().any(|at| self.deployed.is_seen_whole_from(*at)) {
            race.gone = (0..self.proposed.nodes.len())
                .filter(|row| self.deployed.find(&side.rows[*row].id).is_none())
                .collect();
        }
        let behind: BTreeSet<usize> = ended.iter().flat_map(|at| &self.deployed.nodes[*at].down).copied().collect();
        for down in behind {
            let node = &self.deployed.nodes[down];
            let Some(row) = self.proposed.find(&node.id) else { continue };
            if !side.would_start(&self.deployed, down) {
                continue;
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
}

impl Race {
    fn is_empty(&self) -> bool {
        self.window.is_empty() && self.gone.is_empty() && self.early.is_empty()
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
        let operator = instance.operator.as_deref().or_else(|| {
            let task = scene.deployed?.task(&instance.task_id)?;
            Some(task.operator.as_str())
        });
        // A short circuit holds what it skips, and not what it lets pass.
        let stored = matches!(&instance.xcom_keys, Answer::Checked(keys) if keys.contains("skipmixin_key"));
        let named = operator.is_some_and(|operator| operator.contains("Branch"));
        if (stored || named) && !operator.is_some_and(|operator| operator.contains("ShortCircuit")) {
            let followed = deployed.nodes[at].down.iter().map(|down| &deployed.nodes[*down].id);
            let followed = followed.filter(|id| !skipped.contains(id)).cloned().collect();
            choices.insert(instance.task_id.clone(), followed);
        }
    }
    choices
}
