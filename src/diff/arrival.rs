//! When DAGs run that are new, or that do not say so any more.

use super::{Certainty, Change, Identity, Kind, Notice, Plan, Side, schedule_text};
use crate::content::Location;
use crate::dag::Dag;
use crate::dag::options::MORE;
use crate::ids::DagId;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What there is to know of the schedules of proposed DAGs. `changes` say which of them are deployed
/// under another id; nothing is new in a first delivery.
pub(super) fn changes(deployed: Side, proposed: Side, changes: &[Change]) -> Vec<Change> {
    if deployed.snapshot.is_empty() {
        return Vec::new();
    }
    let renamed: BTreeSet<&DagId> = changes
        .iter()
        .filter_map(|change| match &change.kind {
            Kind::Identity(Identity::DagRenamed { to }) => Some(to),
            _ => None,
        })
        .collect();
    let mut found = Vec::new();
    // What did not change is shared by both models.
    let shared: BTreeSet<*const Dag> = deployed.model.dags.iter().map(Arc::as_ptr).collect();
    for dag in proposed.model.dags.iter().filter(|dag| !shared.contains(&Arc::as_ptr(dag))) {
        let Some(id) = dag.dag_id.exact().filter(|id| !renamed.contains(id)) else { continue };
        let was = deployed.model.dags.iter().find(|other| other.dag_id.exact() == Some(id));
        let was = was.map(AsRef::as_ref);
        let noted = starts_unpaused(was, dag).or_else(|| implicit(was, dag));
        found.extend(noted.map(|(kind, certainty, at)| Change {
            kind: Kind::Notice(kind),
            dags: vec![dag.dag_id.clone()],
            certainty,
            deployed: at,
            proposed: Some(dag.at.clone()),
        }));
    }
    found
}

/// What is to be known, whether the text proves it, and the deployed place of it.
type Noted = (Notice, Certainty, Option<Location>);

fn starts_unpaused(was: Option<&Dag>, dag: &Dag) -> Option<Noted> {
    let plan = Plan::of(dag, None);
    let unpaused = dag.options.get("is_paused_upon_creation") == Some("False");
    (was.is_none() && plan.may_be_scheduled() && unpaused).then(|| {
        let certainty = if plan.is_regular() {
            Certainty::Certain
        } else {
            Certainty::Possible("when it runs is not in the text".to_owned())
        };
        (Notice::StartsUnpaused { schedule: schedule_text(dag) }, certainty, None)
    })
}

/// A DAG that is wholly known and gives no schedule, and did or is new.
fn implicit(was: Option<&Dag>, dag: &Dag) -> Option<Noted> {
    let names = ["schedule", "schedule_interval", "timetable", MORE];
    let says = |dag: &Dag| names.iter().any(|name| dag.options.get(name).is_some());
    if says(dag) || !dag.complete() || was.is_some_and(|was| !says(was)) {
        return None;
    }
    let before = was.map(schedule_text);
    Some((Notice::ScheduleImplicit { before }, Certainty::Certain, was.map(|was| was.at.clone())))
}
