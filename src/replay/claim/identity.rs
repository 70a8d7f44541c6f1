//! Ids that go, change or come back, and what stands behind them.

use super::super::{Effect, Harm, Outcome, Scene, of, several, stuck, these, unfinished};
use crate::diff::{Identity, KnownBy};
use crate::facts::{Progress, Run, TaskInstance, TaskState};
use crate::ids::{AirflowVersion, TaskId};
use std::collections::BTreeSet;

/// What becomes of the run.
pub(in crate::replay) fn effect(kind: &Identity, scene: &Scene) -> Effect {
    let run = scene.run;
    match kind {
        Identity::DagRemoved => stuck(run, "the DAG is not defined any more"),
        Identity::DagRenamed { to } => stuck(run, &format!("the DAG goes on as `{to}`, without this run")),
        _ if scene.pinned() => Effect::none(),
        Identity::TaskRemoved { task_id } => removed(run, task_id),
        Identity::TaskRenamed { from, to, known } => renamed(run, &[(from.clone(), to.clone())], known, scene.version),
        Identity::GroupChanged { members, known, .. } => renamed(run, members, known, scene.version),
        Identity::DagFileMoved { .. } => moved(run),
    }
}

/// What it can do to a run in the worst state.
pub(in crate::replay) fn worst(kind: &Identity) -> (Harm, &'static str) {
    match kind {
        Identity::DagFileMoved { .. } => (Harm::Soft, "a queued instance may look for the file at its deployed place"),
        Identity::DagRemoved | Identity::DagRenamed { .. } => {
            (Harm::Breaks, "a run in flight would stay `running` without an end")
        }
        Identity::TaskRemoved { .. } => (Harm::Breaks, "an unfinished instance would never run"),
        Identity::TaskRenamed { .. } | Identity::GroupChanged { .. } => {
            (Harm::Breaks, "a finished instance would run a second time, a waiting one would be lost")
        }
    }
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
