//! Contracts between pieces of code.

use super::super::{Harm, Scene, of, unfinished};
use super::{Claim, Fate, When};
use crate::diff::{Breach, Code};
use crate::facts::{TaskInstance, TaskState};
use crate::ids::TaskId;

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &Code, scene: &Scene) -> Vec<Claim> {
    match kind {
        Code::CallMisfit(breach)
        | Code::SymbolGone(breach)
        | Code::TemplateFails(breach)
        | Code::ResumeRefused { breach, .. } => breached(breach, scene),
        Code::CallbackFails(breach) => uncalled(breach, scene),
        Code::TriggerRefused { path, breach, .. } => unbuilt(path, breach, scene),
        Code::TriggerChanged { path, tasks } => tasks
            .iter()
            .map(|task_id| {
                let why = format!(
                    "is served by the code of `{path}` that the triggerer has loaded, until the triggerer starts anew"
                );
                Claim::of_task(task_id, Fate::Noted, why).when(When::Now)
            })
            .collect(),
        Code::TriggerAdded { path, tasks } => {
            let why = format!("fails when it is deferred, if the triggerer has loaded the module of `{path}` before");
            let starting = tasks.iter().flat_map(|task_id| of(scene.run, task_id));
            let starting = starting.filter(|i| unfinished(i) && i.state != TaskState::Running);
            let starting: Vec<_> =
                starting.filter(|i| i.state != TaskState::Deferred).map(|i| (i.task_id.clone(), i.map_index)).collect();
            if starting.is_empty() { Vec::new() } else { vec![Claim::of_instances(starting, Fate::Noted, why)] }
        }
        Code::TemplateFieldRemoved { pinned, .. } if scene.pinned() && !pinned => Vec::new(),
        Code::TemplateFieldRemoved { field, tasks, .. } => tasks
            .iter()
            .map(|task_id| {
                let why = format!("gets the template of `{field}` itself, and not what it stands for");
                Claim::fails(task_id, why)
            })
            .collect(),
    }
}

/// The tasks that it is about.
pub(super) fn about(kind: &Code) -> Vec<TaskId> {
    kind.tasks().to_vec()
}

/// What it can do to a run in the worst state.
pub(super) fn worst(kind: &Code) -> (Harm, &'static str) {
    match kind {
        Code::CallMisfit(_) | Code::SymbolGone(_) | Code::TemplateFails(_) => {
            (Harm::Breaks, "a task of a run in flight would fail when it starts")
        }
        Code::CallbackFails(_) => (Harm::Soft, "an instance could end without its callback"),
        Code::ResumeRefused { .. } => (Harm::Breaks, "a deferred instance would fail when it goes on"),
        Code::TriggerRefused { .. } => (Harm::Breaks, "a deferred instance would fail once the triggerer starts anew"),
        Code::TriggerChanged { .. } => (Harm::Soft, "a triggerer goes on with the code that it has loaded"),
        Code::TriggerAdded { .. } => (Harm::Soft, "an instance could be deferred with what a triggerer does not find"),
        Code::TemplateFieldRemoved { .. } => (Harm::Breaks, "a task of a run in flight would get the template itself"),
    }
}

fn breached(breach: &Breach, scene: &Scene) -> Vec<Claim> {
    if scene.pinned() && !breach.pinned {
        return Vec::new();
    }
    let when = match (breach.at_start, breach.at_resume) {
        (true, true) => When::StartOrResume,
        (true, false) => When::Start,
        (false, _) => When::Resume,
    };
    let why = format!("meets {}", breach.why);
    let claim = |task_id: &TaskId| {
        if breach.goes_on { Claim::other_value(task_id, why.clone()) } else { Claim::fails(task_id, why.clone()) }
    };
    breach.tasks.iter().map(|task_id| claim(task_id).when(when)).collect()
}

/// Airflow logs what a callback raises, and goes on: the instance ends as it would, and nobody is told.
fn uncalled(breach: &Breach, scene: &Scene) -> Vec<Claim> {
    if scene.pinned() && !breach.pinned {
        return Vec::new();
    }
    let of_it = |instance: &&TaskInstance| breach.tasks.is_empty() || breach.tasks.contains(&instance.task_id);
    let open = scene.run.task_instances.iter().filter(of_it).filter(|instance| unfinished(instance));
    let open: Vec<_> = open.map(|instance| (instance.task_id.clone(), instance.map_index)).collect();
    if open.is_empty() {
        return Vec::new();
    }
    vec![Claim::of_instances(
        open,
        Fate::Noted,
        format!("ends without `{}`, which meets {}", breach.within, breach.why),
    )]
}

/// A triggerer that runs goes on with what it has built; nobody knows when it starts anew. Where the
/// API says which trigger an instance waits for, only that one counts.
fn unbuilt(path: &str, breach: &Breach, scene: &Scene) -> Vec<Claim> {
    if scene.pinned() && !breach.pinned {
        return Vec::new();
    }
    let waiting: Vec<_> = breach
        .tasks
        .iter()
        .flat_map(|task_id| of(scene.run, task_id))
        .filter(|instance| instance.state == TaskState::Deferred)
        .filter(|instance| instance.trigger.as_deref().is_none_or(|known| known == path))
        .map(|instance| (instance.task_id.clone(), instance.map_index))
        .collect();
    if waiting.is_empty() {
        return Vec::new();
    }
    let why = format!("cannot be taken up by a triggerer that starts anew: {}", breach.why);
    // The triggerer of 2.6.2 takes no account of arguments that do not fit, and ends by it each time.
    let ends = breach.why.starts_with("TypeError")
        && scene.version.is_some_and(|version| (version.major, version.minor) <= (2, 6));
    vec![Claim::of_instances(waiting, if ends { Fate::NeverEnds } else { Fate::Fails }, why)]
}
