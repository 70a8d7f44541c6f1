//! What is named beyond the DAG.

use super::super::{Harm, Scene, of, unfinished};
use super::{Claim, Fate, When};
use crate::diff::Reference;
use crate::facts::{Seen, TaskState};
use crate::ids::{DagId, TaskId};

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &Reference, scene: &Scene) -> Vec<Claim> {
    match kind {
        Reference::SensorTargetMissing { dag_id, target: Some(target), whole: false, checks: false, .. }
            if goes_on(scene, dag_id, target) =>
        {
            Vec::new()
        }
        Reference::SensorTargetMissing { task_id, dag_id, target, checks, .. } => {
            let what = match target {
                Some(target) => format!("`{target}` of DAG `{dag_id}`"),
                None => format!("DAG `{dag_id}`"),
            };
            if *checks {
                return vec![Claim::fails(task_id, format!("finds that {what} does not exist any more"))];
            }
            vec![Claim::of_task(task_id, Fate::NeverEnds, format!("waits for {what}, which is gone")).when(When::Now)]
        }
        // What the Airflow was seen to have is there, whatever the trees say.
        Reference::TriggerTargetMissing { dag_id, had: false, .. } if is_elsewhere(scene, dag_id) => Vec::new(),
        Reference::TriggerTargetMissing { task_id, dag_id, waits, had } => {
            let begun = of(scene.run, task_id).filter(|instance| unfinished(instance)).any(|instance| {
                matches!(instance.state, TaskState::Running | TaskState::Deferred | TaskState::Other(_))
            });
            if begun && *waits {
                let why = format!("waits for a run of DAG `{dag_id}`, which is gone");
                return vec![Claim::of_task(task_id, Fate::NeverEnds, why).when(When::Now)];
            }
            vec![Claim::fails(
                task_id,
                format!("triggers DAG `{dag_id}`, which does not exist{}", if *had { " any more" } else { "" }),
            )]
        }
        Reference::SchedulesApart { .. } | Reference::OutletGone { .. } if scene.pinned() => Vec::new(),
        Reference::SchedulesApart { task_id, dag_id, .. } => {
            let waiting: Vec<_> = of(scene.run, task_id).filter(|instance| unfinished(instance)).collect();
            let waiting: Vec<_> = waiting.into_iter().map(|i| (i.task_id.clone(), i.map_index)).collect();
            if waiting.is_empty() {
                return Vec::new();
            }
            let why = format!("can wait for a run of DAG `{dag_id}` that its schedule does not make any more");
            vec![Claim::of_instances(waiting, Fate::Noted, why)]
        }
        Reference::OutletGone { task_id, uri, consumers } => {
            let waiting: Vec<String> = consumers.iter().take(3).map(|dag_id| format!("`{dag_id}`")).collect();
            let why = format!("does not update `{uri}`, and so {} will not run for it", waiting.join(", "));
            vec![Claim::of_task(task_id, Fate::HurtsElsewhere, why).when(When::StartOrResume)]
        }
    }
}

/// Whether the run that a sensor waits for has the target still: it keeps the DAG of its commit. Which run that is
/// says the date, unless the sensor is told another one. (A group is looked for in the DAG as it is now: 3.3.2.)
fn goes_on(scene: &Scene, dag_id: &DagId, target: &str) -> bool {
    let Some(Seen::Known(dag)) = scene.beside.map(|instance| instance.dag(dag_id)) else { return false };
    dag.runs.iter().any(|run| {
        run.bundle_version.is_some()
            && run.logical_date == scene.run.logical_date
            && run.task_instances.iter().any(|instance| instance.task_id.as_str() == target)
    })
}

/// Whether the Airflow was seen to have a DAG.
fn is_elsewhere(scene: &Scene, dag_id: &DagId) -> bool {
    matches!(
        scene.beside.and_then(|instance| instance.dags.get(dag_id)),
        Some(Seen::Known(dag)) if dag.fileloc.is_some() || dag.is_paused.is_some() || !dag.runs.is_empty()
    )
}

/// The tasks that it is about.
pub(super) fn about(kind: &Reference) -> Vec<TaskId> {
    match kind {
        Reference::SensorTargetMissing { task_id, .. }
        | Reference::SchedulesApart { task_id, .. }
        | Reference::TriggerTargetMissing { task_id, .. }
        | Reference::OutletGone { task_id, .. } => vec![task_id.clone()],
    }
}

/// What it can do to a run in the worst state.
pub(super) fn worst(kind: &Reference) -> (Harm, &'static str) {
    match kind {
        Reference::SensorTargetMissing { .. } => {
            (Harm::Breaks, "a sensor of a run in flight would wait for ever for a target that is gone")
        }
        Reference::SchedulesApart { .. } => {
            (Harm::Soft, "a sensor of a run in flight could wait for a run that is not made")
        }
        Reference::TriggerTargetMissing { .. } => {
            (Harm::Breaks, "a task of a run in flight would trigger a DAG that is gone, and fail")
        }
        Reference::OutletGone { .. } => {
            (Harm::Breaks, "DAGs that wait for an asset would not run after a run in flight")
        }
    }
}
