//! What a change does to one run in flight: its task instances stepped against the proposed side
//! as that Airflow's scheduler would.
//!
//! Invariants: nothing here weighs or words a finding; it says what happens to which instance.
//! The mechanisms were measured on 2.6.2, 2.11.2 and 3.3.2, each kind of change on a run held at
//! a gate and compared with one that nothing was changed for. Where a race decides (2.x, beside
//! a running task), the unsafe side is taken.

use crate::diff::{Change, Kind, KnownBy, Mapped};
use crate::facts::{Progress, Run, TaskInstance, TaskState};
use crate::ids::{AirflowVersion, MapIndex, TaskId};
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
    /// The run ends as it would have, but something about it is lost or not as its author may
    /// expect (history, new elements that are not run).
    Soft,
    /// The run fails, hangs, repeats or skips work.
    Breaks,
}

/// What one change does to one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// How bad.
    pub harm: Harm,
    /// What becomes of the run; empty where nothing happens to it.
    pub outcomes: BTreeSet<Outcome>,
    /// One sentence, lower case, no full stop, that names the instances.
    pub sentence: String,
    /// The instances that it happens to.
    pub hits: Vec<(TaskId, MapIndex, TaskState)>,
}

impl Effect {
    fn none() -> Self {
        Self { harm: Harm::None, outcomes: BTreeSet::new(), sentence: "nothing happens to it".into(), hits: Vec::new() }
    }

    fn new<'a>(
        harm: Harm,
        outcomes: impl IntoIterator<Item = Outcome>,
        sentence: String,
        hits: impl IntoIterator<Item = &'a TaskInstance>,
    ) -> Self {
        Self {
            harm,
            outcomes: outcomes.into_iter().collect(),
            sentence,
            hits: hits.into_iter().map(|hit| (hit.task_id.clone(), hit.map_index, hit.state.clone())).collect(),
        }
    }
}

/// What the change does to a run of that Airflow; an unknown version is taken as the worst.
pub fn effect(change: &Change, run: &Run, version: Option<AirflowVersion>) -> Effect {
    // A run of a versioned bundle keeps the DAG file of the commit that it started from; only
    // whether the DAG exists and imports still reaches it.
    let pinned = run.bundle_version.is_some();
    match &change.kind {
        Kind::DagRemoved => stuck(run, "the DAG is not defined any more"),
        Kind::DagRenamed { to } => stuck(run, &format!("the DAG goes on as `{to}`, without this run")),
        Kind::FileBroken { path, .. } => stuck(run, &format!("`{path}` does not import")),
        _ if pinned => Effect::none(),
        Kind::TaskRemoved { task_id } => removed(run, task_id),
        Kind::TaskRenamed { from, to, known } => renamed(run, &[(from.clone(), to.clone())], known, version),
        Kind::GroupChanged { members, known, .. } => renamed(run, members, known, version),
        Kind::DagFileMoved { .. } => moved(run),
        Kind::MapCountChanged { subject, before, after } => count(run, subject, *before, *after, version),
        Kind::MapItemsChanged { subject, before, after } => items(run, subject, before, after),
        Kind::XComTypeChanged { producer, consumer, consumer_changes, .. } => {
            xcom(run, producer, consumer, *consumer_changes)
        }
        Kind::DagNotKnown { reason } => not_known(run, reason),
    }
}

/// What the change does to a run in the worst state that a run can be in: for DAGs whose runs
/// cannot be seen.
pub fn worst(change: &Change) -> Effect {
    let (harm, sentence) = match &change.kind {
        Kind::DagFileMoved { .. } => (Harm::Soft, "a queued instance may look for the file at its deployed place"),
        Kind::DagRemoved | Kind::DagRenamed { .. } | Kind::FileBroken { .. } => {
            (Harm::Breaks, "a run in flight would stay `running` without an end")
        }
        Kind::TaskRemoved { .. } => (Harm::Breaks, "an unfinished instance would never run"),
        Kind::TaskRenamed { .. } | Kind::GroupChanged { .. } => {
            (Harm::Breaks, "a finished instance would run a second time, a waiting one would be lost")
        }
        Kind::MapCountChanged { before, after, .. } if after > before => {
            (Harm::Soft, "a run in flight is not sure to run the new elements")
        }
        Kind::MapCountChanged { .. } => (Harm::Breaks, "instances of a run in flight would be removed"),
        Kind::MapItemsChanged { .. } => {
            (Harm::Breaks, "a run half-way through the list would do one element twice and another never")
        }
        Kind::XComTypeChanged { .. } => (Harm::Breaks, "a task of a run in flight would get a value of another type"),
        Kind::DagNotKnown { .. } => (Harm::Breaks, "what happens to a run in flight is not known"),
    };
    Effect { harm, outcomes: BTreeSet::new(), sentence: sentence.to_string(), hits: Vec::new() }
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
        parts.push(format!("{} more tasks", states.len() - 3));
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

fn stuck(run: &Run, why: &str) -> Effect {
    let open: Vec<_> = run.task_instances.iter().filter(|instance| unfinished(instance)).collect();
    let what = if open.is_empty() { String::new() } else { format!(": {}", these(&open)) };
    let sentence = format!("{why}; the run stays `running` and its open tasks never end{what}");
    Effect::new(Harm::Breaks, [Outcome::Stuck, Outcome::SkippedWork], sentence, open)
}

fn removed(run: &Run, task_id: &TaskId) -> Effect {
    let open: Vec<_> = of(run, task_id).filter(|instance| unfinished(instance)).collect();
    if !open.is_empty() {
        let sentence = format!(
            "{} becomes `removed` and its work is never done; the run can turn `success` without it",
            these(&open)
        );
        return Effect::new(Harm::Breaks, [Outcome::Lost, Outcome::SkippedWork], sentence, open);
    }
    let done: Vec<_> = of(run, task_id).filter(|instance| instance.state.progress() == Progress::Finished).collect();
    if done.is_empty() {
        return Effect::none();
    }
    let sentence = format!("{} becomes `removed`: its logs and retries are gone from the run", these(&done));
    Effect::new(Harm::Soft, [Outcome::Lost], sentence, done)
}

fn renamed(run: &Run, pairs: &[(TaskId, TaskId)], known: &KnownBy, version: Option<AirflowVersion>) -> Effect {
    let mut again = Vec::new();
    let mut waiting = Vec::new();
    for (from, _) in pairs {
        for instance in of(run, from) {
            match instance.state.progress() {
                Progress::Finished | Progress::InProgress => again.push(instance),
                Progress::NotStarted => waiting.push(instance),
                Progress::Removed => {}
            }
        }
    }
    let to = |instances: &[&TaskInstance]| -> String {
        let name = |id: &TaskId| pairs.iter().find(|(from, _)| from == id).map(|(_, to)| format!("`{to}`"));
        let mut names: Vec<String> = instances.iter().filter_map(|instance| name(&instance.task_id)).collect();
        names.dedup();
        let more = names.len().saturating_sub(3);
        names.truncate(3);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{rest}", names.join(", "))
    };
    let mut outcomes = BTreeSet::new();
    let mut parts = Vec::new();
    if !again.is_empty() {
        outcomes.extend([Outcome::Lost, Outcome::Repeated]);
        let (become_, do_) = if several(&again) { ("become", "do their") } else { ("becomes", "does its") };
        parts.push(format!("{} {become_} `removed` and {} {do_} work a second time", these(&again), to(&again)));
    }
    if !waiting.is_empty() {
        outcomes.insert(Outcome::Lost);
        let (become_, take) = if several(&waiting) { ("become", "take their") } else { ("becomes", "takes its") };
        parts.push(format!("{} {become_} `removed` and {} {take} place", these(&waiting), to(&waiting)));
        // On 2.x a task that ends schedules by the graph that it had loaded. 2.6.2 then lost runs
        // in some trials; on 2.11.2 two trials went well, which does not prove that all do. On 3.x
        // the work is done under the proposed id, and the instance that people see, watch and
        // may have cleared or marked is lost all the same: an identity never changes under a run.
        if version.is_none_or(|version| version.major < 3) {
            outcomes.insert(Outcome::Failed);
            parts.push("on 2.x a task that ends meanwhile can fail the run with a task deadlock".to_string());
        }
        let chosen = |task_id: &&TaskId| of(run, task_id).any(|branch| branch.state.progress() == Progress::Finished);
        let branches: Vec<String> = known.branches.iter().filter(chosen).map(|id| format!("`{id}`")).collect();
        if !branches.is_empty() {
            outcomes.insert(Outcome::SkippedWork);
            parts.push(format!("{} chose by the deployed id, so {} is skipped", branches.join(", "), to(&waiting)));
        }
        if let Some((dag_id, task_id)) = known.elsewhere.first() {
            outcomes.insert(Outcome::Stuck);
            parts.push(format!(
                "`{task_id}` of DAG `{dag_id}` still names the deployed id and may wait for it for ever"
            ));
        }
        let readers: Vec<_> =
            known.tasks.iter().flat_map(|task_id| of(run, task_id)).filter(|reader| unfinished(reader)).collect();
        if !readers.is_empty() {
            outcomes.insert(Outcome::Failed);
            parts.push(format!("{} still names the deployed id and finds no value there", these(&readers)));
        }
    }
    if parts.is_empty() {
        return Effect::none();
    }
    Effect::new(Harm::Breaks, outcomes, parts.join("; "), again.into_iter().chain(waiting))
}

fn moved(run: &Run) -> Effect {
    let queued: Vec<_> = run.task_instances.iter().filter(|instance| instance.state == TaskState::Queued).collect();
    if queued.is_empty() {
        return Effect::none();
    }
    let sentence = format!("{} carries the deployed file's path and may not find its DAG there", these(&queued));
    Effect::new(Harm::Soft, [], sentence, queued)
}

fn count(run: &Run, subject: &Mapped, before: usize, after: usize, version: Option<AirflowVersion>) -> Effect {
    let instances: Vec<_> = subject
        .tasks()
        .iter()
        .flat_map(|task_id| of(run, task_id))
        .filter(|instance| instance.state.progress() != Progress::Removed)
        .collect();
    if after > before {
        if instances.is_empty() {
            return Effect::none();
        }
        let new = after - before;
        let elements = if new == 1 { "element" } else { "elements" };
        let sentence = format!("it is not sure to run the {new} new {elements} of `{}`", subject.name());
        return Effect::new(Harm::Soft, [], sentence, []);
    }
    let surplus: Vec<_> = instances
        .into_iter()
        .filter(|instance| instance.map_index.position().is_some_and(|position| position >= after))
        .collect();
    if surplus.is_empty() {
        return Effect::none();
    }
    if surplus.iter().any(|instance| unfinished(instance)) {
        let sentence = format!("{} becomes `removed` and its element is never done", these(&surplus));
        return Effect::new(Harm::Breaks, [Outcome::Lost, Outcome::SkippedWork], sentence, surplus);
    }
    // Seen on 2.6.2 and 2.11.2: a removed instance that had succeeded fails the run with "Task
    // deadlock"; 3.3.2 goes on.
    if version.is_none_or(|version| version.major < 3) {
        let sentence = format!("{} becomes `removed`, which fails the run with a task deadlock", these(&surplus));
        return Effect::new(Harm::Breaks, [Outcome::Lost, Outcome::Failed], sentence, surplus);
    }
    let sentence = format!("{} becomes `removed`: its result is gone from the run", these(&surplus));
    Effect::new(Harm::Soft, [Outcome::Lost], sentence, surplus)
}

/// An element of an instance that has started is frozen; an instance that starts later, or
/// again, takes what the list then holds at its index.
fn items(run: &Run, subject: &Mapped, before: &[String], after: &[String]) -> Effect {
    let mut worst = Effect::none();
    for task_id in subject.tasks() {
        let effect = items_of_task(run, task_id, before, after);
        if effect.harm > worst.harm {
            worst = effect;
        }
    }
    worst
}

fn items_of_task(run: &Run, task_id: &TaskId, before: &[String], after: &[String]) -> Effect {
    let at = |instance: &&TaskInstance| instance.map_index.position();
    let started: Vec<_> = of(run, task_id)
        .filter(|i| matches!(i.state.progress(), Progress::Finished | Progress::InProgress))
        .filter(|i| at(i).is_some())
        .collect();
    if started.is_empty() {
        return Effect::none();
    }
    let starts_later = |instance: &&TaskInstance| {
        instance.state.progress() == Progress::NotStarted
            || matches!(
                instance.state,
                TaskState::UpForRetry | TaskState::UpForReschedule | TaskState::Restarting | TaskState::Deferred
            )
    };
    let hit: Vec<_> = of(run, task_id)
        .filter(starts_later)
        .filter(|i| at(i).is_some_and(|at| before.get(at) != after.get(at) && after.get(at).is_some()))
        .collect();
    if hit.is_empty() {
        return Effect::none();
    }
    let tried: BTreeSet<&String> = started.iter().filter_map(|i| before.get(at(i)?)).collect();
    // An instance that waits for another try has not done its element.
    let done: BTreeSet<&String> =
        started.iter().filter(|i| !starts_later(i)).filter_map(|i| before.get(at(i)?)).collect();
    let coming: Vec<&String> = hit.iter().filter_map(|i| after.get(at(i)?)).collect();
    let due: Vec<&String> = hit.iter().filter_map(|i| before.get(at(i)?)).collect();
    let twice: BTreeSet<&String> = coming.iter().copied().filter(|item| tried.contains(item)).collect();
    let never: BTreeSet<&String> =
        due.iter().copied().filter(|item| !coming.contains(item) && !done.contains(item)).collect();
    let mut outcomes = BTreeSet::new();
    let mut parts = vec![format!("{} takes another element than it was made for", these(&hit))];
    if !twice.is_empty() {
        outcomes.insert(Outcome::Repeated);
        parts.push(format!("{} is done twice", some(&twice)));
    }
    if !never.is_empty() {
        outcomes.insert(Outcome::SkippedWork);
        parts.push(format!("{} is never done", some(&never)));
    }
    if outcomes.is_empty() {
        // The same elements in another order among instances that have not started.
        return Effect::none();
    }
    Effect::new(Harm::Breaks, outcomes, parts.join("; "), hit)
}

fn some(items: &BTreeSet<&String>) -> String {
    let mut words: Vec<String> = items.iter().take(3).map(|item| format!("`{item}`")).collect();
    if items.len() > 3 {
        words.push(format!("{} more", items.len() - 3));
    }
    words.join(", ")
}

fn xcom(run: &Run, producer: &TaskId, consumer: &TaskId, consumer_changes: bool) -> Effect {
    let waiting: Vec<_> = of(run, consumer).filter(|instance| unfinished(instance)).collect();
    if waiting.is_empty() {
        return Effect::none();
    }
    // A producer that runs now has loaded the deployed code; one that starts later, or again,
    // stores what the proposed code returns.
    let runs_proposed = |instance: &TaskInstance| {
        unfinished(instance) && !matches!(instance.state, TaskState::Running | TaskState::Other(_))
    };
    let starts_consumer_anew = waiting.iter().any(|instance| instance.state != TaskState::Running);
    let (will_store_proposed, stored_deployed): (Vec<_>, Vec<_>) =
        of(run, producer).partition(|instance| runs_proposed(instance));
    if !consumer_changes && !will_store_proposed.is_empty() {
        let sentence = format!(
            "`{producer}` will return the proposed type, and {} was written for the deployed one",
            these(&waiting)
        );
        return Effect::new(Harm::Breaks, [Outcome::Failed], sentence, waiting);
    }
    if consumer_changes && !stored_deployed.is_empty() && starts_consumer_anew {
        let sentence = format!(
            "`{producer}` has returned the deployed type, and {} will be run by code for the proposed one",
            these(&waiting)
        );
        return Effect::new(Harm::Breaks, [Outcome::Failed], sentence, waiting);
    }
    Effect::none()
}

fn not_known(run: &Run, reason: &str) -> Effect {
    let open: Vec<_> = run.task_instances.iter().filter(|instance| unfinished(instance)).collect();
    let sentence = format!("what it will meet is not known: {reason}");
    Effect::new(Harm::Breaks, [], sentence, open)
}

#[cfg(test)]
mod tests;
