//! What a change does to one run in flight: its task instances stepped against the proposed side
//! as that Airflow's scheduler would.
//!
//! Invariants: nothing here weighs or words a finding; it says what happens to which instance, and which
//! of the changes it was. What no change explains is laid to the likeliest one, never dropped.
//! The mechanisms were measured on 2.6.2, 2.11.2 and 3.3.2, each kind of change on a run held at
//! a gate and compared with one that nothing was changed for. Where a race decides (2.x, beside
//! a running task), both ends are stepped, and the unsafe one is said apart.
//!
//! `claim` holds what each kind of change claims beyond the graphs of the two DAGs, `simulate` steps the run.

mod claim;
mod simulate;

use crate::dag::Dag;
use crate::diff::Change;
use crate::facts::{Instance, Progress, Run, StoredTypes, TaskInstance, TaskState};
use crate::ids::{AirflowVersion, DagId, MapIndex, TaskId};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of a run, as an outside observer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// A task or the run fails that would not have.
    Failed,
    /// The run stays `running` and nothing moves.
    Stuck,
    /// An instance becomes `removed`: its history, logs and retries are gone from the run.
    Lost,
    /// Work that was done is done again.
    Repeated,
    /// Work that was due is never done.
    SkippedWork,
    /// The run turns `success` before its work is done.
    EarlySuccess,
}

impl Outcome {
    /// The word of the report.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Stuck => "stuck",
            Self::Lost => "lost",
            Self::Repeated => "repeated",
            Self::SkippedWork => "skipped-work",
            Self::EarlySuccess => "early-success",
        }
    }
}

/// How bad an effect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// Nothing that an observer would see.
    None,
    /// The run ends as it would have, with all its instances, but perhaps not as its author expects
    /// (new elements that are not run).
    Soft,
    /// The run fails, hangs, repeats or skips work, or loses an instance with its history.
    Breaks,
}

/// What one change does to one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// How bad.
    pub harm: Harm,
    /// What becomes of the run; empty where nothing happens to it.
    pub outcomes: BTreeSet<Outcome>,
    /// What may become of it as well, where Airflow leaves it to a race.
    pub race: BTreeSet<Outcome>,
    /// One sentence, lower case, no full stop, that names the instances.
    pub sentence: String,
    /// The instances that it happens to.
    pub hits: Vec<(TaskId, MapIndex, TaskState)>,
}

impl Effect {
    fn none() -> Self {
        Self {
            harm: Harm::None,
            outcomes: BTreeSet::new(),
            race: BTreeSet::new(),
            sentence: "nothing happens to it".into(),
            hits: Vec::new(),
        }
    }

    /// The worse of two that are both possible, with the outcomes of both.
    fn or_worse(mut self, mut other: Self) -> Self {
        let badness = |effect: &Self| (effect.harm, effect.outcomes.len());
        if badness(&other) > badness(&self) {
            std::mem::swap(&mut self, &mut other);
        }
        self.outcomes.extend(other.outcomes);
        self.race.extend(other.race);
        self.race.retain(|outcome| !self.outcomes.contains(outcome));
        for hit in other.hits {
            if !self.hits.contains(&hit) {
                self.hits.push(hit);
            }
        }
        self
    }
}

/// One run in flight between the two sides of its DAG.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The run, with all its task instances.
    pub run: &'a Run,
    /// The DAG as it is deployed; none where no deployed DAG has that id for certain.
    pub deployed: Option<&'a Dag>,
    /// The DAG as it is proposed; none where no proposed DAG has that id for certain.
    pub proposed: Option<&'a Dag>,
    /// The Airflow that it runs on; an unknown one is taken as the worst.
    pub version: Option<AirflowVersion>,
    /// When the run was looked at: ages are reckoned from here.
    pub now: Option<Timestamp>,
    /// Types of what tasks of runs of the DAG have stored, as far as they were looked up.
    pub types: &'a [&'a StoredTypes],
    /// The Airflow with the runs of the other DAGs, as far as they were looked up.
    pub beside: Option<&'a Instance>,
}

impl Scene<'_> {
    /// Whether the run keeps the DAG file of the commit that it started from (a versioned bundle of
    /// Airflow 3); only whether the DAG exists and imports still reaches it, and the plugins.
    pub fn pinned(&self) -> bool {
        self.run.bundle_version.is_some()
    }

    /// Whether this is, or may be, an Airflow 2.
    pub fn may_be_2(&self) -> bool {
        self.version.is_none_or(|version| version.major < 3)
    }
}

/// The versions that stand for all where that of an instance is not known: the oldest and the newest 2
/// that were measured, and 3.
const FAMILIES: [AirflowVersion; 3] = [
    AirflowVersion { major: 2, minor: 6, patch: 2 },
    AirflowVersion { major: 2, minor: 11, patch: 2 },
    AirflowVersion { major: 3, minor: 3, patch: 2 },
];

/// The changes of one DAG, ready to be replayed on its runs.
#[derive(Debug)]
pub struct Replay<'a> {
    changes: &'a [&'a Change],
    deployed: Option<&'a Dag>,
    proposed: Option<&'a Dag>,
    set: simulate::Set,
    types: Vec<&'a StoredTypes>,
    beside: Option<&'a Instance>,
}

impl<'a> Replay<'a> {
    /// `deployed` and `proposed` as in [`Scene`].
    pub fn of(changes: &'a [&'a Change], deployed: Option<&'a Dag>, proposed: Option<&'a Dag>) -> Self {
        Self {
            changes,
            deployed,
            proposed,
            set: simulate::Set::of(changes, deployed, proposed),
            types: Vec::new(),
            beside: None,
        }
    }

    /// The same, with what is known of the Airflow: values that tasks of the DAG have stored, and runs of others.
    #[must_use]
    pub fn knowing(mut self, dag_id: &DagId, instance: &'a Instance) -> Self {
        self.types = instance.details.values.iter().filter(|stored| stored.value.dag_id == *dag_id).collect();
        self.beside = Some(instance);
        self
    }

    /// What each of the changes does to one of the runs, in the order of the changes.
    pub fn on(&self, run: &Run, version: Option<AirflowVersion>, now: Option<Timestamp>) -> Vec<Effect> {
        let (deployed, proposed, types) = (self.deployed, self.proposed, self.types.as_slice());
        let scene = Scene { run, deployed, proposed, version, now, types, beside: self.beside };
        if let Some(version) = version {
            return simulate::effects(self.changes, &self.set, &scene, version);
        }
        // A version that is not known is the worst one; the outcomes of all.
        let families = FAMILIES.iter().map(|version| simulate::effects(self.changes, &self.set, &scene, *version));
        let worst = |all: Vec<Effect>, next: Vec<Effect>| {
            all.into_iter().zip(next).map(|(effect, other)| effect.or_worse(other)).collect()
        };
        families.reduce(worst).unwrap_or_default()
    }
}

/// What the change does to a run in the worst state that a run can be in: for DAGs whose runs
/// cannot be seen.
pub fn worst(change: &Change) -> Effect {
    let (harm, sentence) = claim::worst(&change.kind);
    Effect { harm, sentence: sentence.to_string(), ..Effect::none() }
}

fn of<'a>(run: &'a Run, task_id: &TaskId) -> impl Iterator<Item = &'a TaskInstance> {
    run.task_instances.iter().filter(move |instance| instance.task_id == *task_id)
}

fn unfinished(instance: &TaskInstance) -> bool {
    matches!(instance.state.progress(), Progress::NotStarted | Progress::InProgress)
}

/// `` `load`[0, 2] (running, queued) ``, for sentences.
fn these(instances: &[&TaskInstance]) -> String {
    let mut states: BTreeMap<&TaskId, BTreeMap<&str, usize>> = BTreeMap::new();
    let mut positions: BTreeMap<&TaskId, BTreeSet<usize>> = BTreeMap::new();
    for instance in instances {
        let task_id = &instance.task_id;
        let word = instance.state.word().unwrap_or("not started");
        *states.entry(task_id).or_default().entry(word).or_default() += 1;
        positions.entry(task_id).or_default().extend(instance.map_index.position());
    }
    let mut parts: Vec<String> = states
        .iter()
        .take(3)
        .map(|(task_id, states)| {
            let states: Vec<String> = states
                .iter()
                .map(|(word, n)| if *n > 1 { format!("{n} {word}") } else { (*word).to_string() })
                .collect();
            let indexes = positions.get(task_id).map(indexes).unwrap_or_default();
            format!("`{task_id}`{indexes} ({})", states.join(", "))
        })
        .collect();
    if states.len() > 3 {
        let more = states.len() - 3;
        parts.push(format!("{more} more task{}", if more == 1 { "" } else { "s" }));
    }
    parts.join(", ")
}

/// The first map indexes, in brackets; nothing for a task that is not mapped.
fn indexes(positions: &BTreeSet<usize>) -> String {
    if positions.is_empty() {
        return String::new();
    }
    let mut words: Vec<String> = positions.iter().take(3).map(usize::to_string).collect();
    if positions.len() > 3 {
        words.push("…".to_string());
    }
    format!("[{}]", words.join(", "))
}

/// Whether these are instances of more than one task.
fn several(instances: &[&TaskInstance]) -> bool {
    instances.windows(2).any(|pair| pair[0].task_id != pair[1].task_id)
}

#[cfg(test)]
mod tests;
