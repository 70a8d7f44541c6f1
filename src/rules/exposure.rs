//! Which runs in flight each change meets, and what it does to them.
//!
//! All changes of a DAG are replayed together, run by run: what becomes of a run is the work of all
//! of them.

use super::{Basis, Case, Policy, Prediction, WithoutAirflow, basis};
use crate::dag::{Dag, Id, Model};
use crate::diff::Change;
use crate::facts::{DagFacts, Facts, Instance, Run, Seen};
use crate::ids::{DagId, InstanceName, RunId};
use crate::replay::{Effect, Harm, Replay};
use std::collections::{BTreeMap, BTreeSet};

/// Which runs in flight a change meets.
#[derive(Debug, Default)]
pub(super) struct Exposure<'a> {
    /// Runs that were seen, with what happens to each.
    pub(super) seen: Vec<Met<'a>>,
    /// Why runs could not be seen, one reason an instance and DAG.
    pub(super) unseen: Vec<String>,
}

/// A run that a change meets.
#[derive(Debug)]
pub(super) struct Met<'a> {
    pub(super) instance: &'a Instance,
    pub(super) dag_id: DagId,
    pub(super) run: &'a Run,
    pub(super) effect: Effect,
}

/// The exposure of each change of the case, in their order.
pub(super) fn of<'a>(case: Case, facts: &'a Facts, policy: &Policy) -> Vec<Exposure<'a>> {
    let mut exposures: Vec<Exposure> = case.changes.iter().map(|_| Exposure::default()).collect();
    if facts.instances.is_empty() && policy.without_airflow == WithoutAirflow::Assume {
        let weighed = |(change, _): &(&Change, &mut Exposure)| !change.kind.is_notice();
        for (_, exposure) in case.changes.iter().zip(&mut exposures).filter(weighed) {
            exposure.unseen.push("no Airflow is configured".to_string());
        }
    }
    let exact = ids(case.deployed);
    for instance in &facts.instances {
        let mut met: BTreeMap<DagId, Vec<usize>> = BTreeMap::new();
        let weighed = |(_, change): &(usize, &Change)| {
            let kind = &change.kind;
            if kind.is_notice() { kind.needs_an_instance() } else { kind.concerns(&instance.name) }
        };
        for (at, change) in case.changes.iter().enumerate().filter(weighed) {
            for dag_id in dags_met(change, &exact, instance, &mut exposures[at].unseen) {
                let changes = met.entry(dag_id).or_default();
                if changes.last() != Some(&at) {
                    changes.push(at);
                }
            }
        }
        for (dag_id, changes) in met {
            meet(case, (facts, instance), &dag_id, &changes, &mut exposures);
        }
    }
    exposures
}

/// The ids that the deployed tree holds for certain: none of them can be the DAG of a change whose
/// own id is not known.
fn ids(model: &Model) -> BTreeSet<&DagId> {
    model.dags.iter().filter_map(|dag| dag.dag_id.exact()).collect()
}

/// The DAGs of an instance that a change concerns; of a partly known id all that it can mean.
fn dags_met(
    change: &Change,
    exact: &BTreeSet<&DagId>,
    instance: &Instance,
    unseen: &mut Vec<String>,
) -> BTreeSet<DagId> {
    let mut met = BTreeSet::new();
    for dag_id in &change.dags {
        match dag_id {
            Id::Exact(dag_id) => {
                met.insert(dag_id.clone());
            }
            Id::OneOf(ids) => met.extend(ids.iter().cloned()),
            Id::Pattern { .. } => {
                met.extend(
                    instance.dags.keys().filter(|id| !exact.contains(id) && dag_id.may_be(id.as_str())).cloned(),
                );
                match &instance.others {
                    Seen::Known(()) => {}
                    Seen::NotVisible => unseen.push(format!("not every DAG of `{}` is visible", instance.name)),
                    Seen::Unavailable(reason) => {
                        unseen.push(format!("`{}` is unavailable: {reason}", instance.name));
                    }
                }
            }
        }
    }
    met
}

/// Replays the changes of one DAG on its runs.
fn meet<'a>(
    case: Case,
    (facts, instance): (&Facts, &'a Instance),
    dag_id: &DagId,
    changes: &[usize],
    exposures: &mut [Exposure<'a>],
) {
    let weighed = || changes.iter().filter(|at| !case.changes[**at].kind.is_notice());
    let dag: &DagFacts = match instance.dag(dag_id) {
        Seen::Known(dag) => dag,
        Seen::NotVisible => {
            for at in weighed() {
                let reason = format!("`{dag_id}` is not visible to these credentials on `{}`", instance.name);
                exposures[*at].unseen.push(reason);
            }
            return;
        }
        Seen::Unavailable(reason) => {
            for at in weighed() {
                exposures[*at].unseen.push(format!("`{}` is unavailable: {reason}", instance.name));
            }
            return;
        }
    };
    let all: Vec<&Change> = changes.iter().map(|at| &case.changes[*at]).collect();
    let replay =
        Replay::of(&all, defined(case.deployed, dag_id), defined(case.proposed, dag_id)).knowing(dag_id, instance);
    for run in &dag.runs {
        for (at, effect) in changes.iter().zip(replay.on(run, instance.version, facts.taken_at)) {
            exposures[*at].seen.push(Met { instance, dag_id: dag_id.clone(), run, effect });
        }
    }
}

fn defined<'m>(model: &'m Model, dag_id: &DagId) -> Option<&'m Dag> {
    model.dags.iter().find(|dag| dag.dag_id.exact() == Some(dag_id)).map(AsRef::as_ref)
}

/// What becomes of each run that was met.
pub(super) fn predictions(changes: &[Change], exposures: &[Exposure]) -> Vec<Prediction> {
    let mut predictions: BTreeMap<(InstanceName, DagId, RunId), Prediction> = BTreeMap::new();
    for (change, exposure) in changes.iter().zip(exposures) {
        for Met { instance, dag_id, run, effect } in &exposure.seen {
            let prediction = predictions
                .entry((instance.name.clone(), dag_id.clone(), run.run_id.clone()))
                .or_insert_with(|| Prediction {
                    instance: instance.name.clone(),
                    dag_id: dag_id.clone(),
                    run_id: run.run_id.clone(),
                    outcomes: BTreeSet::new(),
                    race: BTreeSet::new(),
                    basis: Basis::Certain,
                    task_instances: BTreeSet::new(),
                });
            if effect.harm > Harm::None {
                prediction.basis = prediction.basis.max(basis(change));
            }
            let certain = basis(change) == Basis::Certain;
            if certain { &mut prediction.outcomes } else { &mut prediction.race }.extend(&effect.outcomes);
            prediction.race.extend(&effect.race);
            prediction.task_instances.extend(effect.hits.iter().map(|(task_id, index, _)| (task_id.clone(), *index)));
        }
    }
    let mut predictions: Vec<Prediction> = predictions.into_values().collect();
    for prediction in &mut predictions {
        prediction.race.retain(|outcome| !prediction.outcomes.contains(outcome));
    }
    predictions
}
