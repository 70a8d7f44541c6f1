//! Runs for the past that a change would have Airflow create at once.

use crate::dag::{Dag, Id, Model};
use crate::diff::{Certainty, Change, Kind, Plan, Settings, schedule_text};
use crate::facts::{Facts, Seen};
use crate::ids::DagId;
use crate::rules::{Policy, WithoutAirflow};
use jiff::civil::DateTime;

/// One change for each DAG that would get more of them than the policy lets pass.
pub(super) fn changes(before: &Model, after: &Model, facts: &Facts, policy: &Policy) -> Vec<Change> {
    let Some(now) = facts.taken_at.or(policy.now) else { return Vec::new() };
    let now = now.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let mut found = Vec::new();
    for dag in super::fresh(before, after) {
        let Some(dag_id) = dag.dag_id.exact() else { continue };
        let deployed = before.dags.iter().find(|other| other.dag_id.exact() == Some(dag_id)).map(AsRef::as_ref);
        if deployed.is_some_and(|deployed| deployed.options == dag.options) {
            continue;
        }
        let worst = majors(dag_id, facts, policy).into_iter().filter_map(|major| runs(deployed, dag, major, now)).max();
        let Some((runs, since, said)) = worst.filter(|(runs, _, _)| *runs > policy.most_past_runs) else { continue };
        let certainty = if said {
            Certainty::Certain
        } else {
            Certainty::Possible(
                "`catchup` is not given, and whether Airflow catches up by default is configured".into(),
            )
        };
        found.push(Change {
            kind: Kind::Settings(Settings::RunsForThePast {
                runs,
                since: since.date().to_string(),
                schedule: schedule_text(dag),
            }),
            dags: vec![Id::Exact(dag_id.clone())],
            certainty,
            deployed: deployed.map(|deployed| deployed.at.clone()),
            proposed: Some(dag.at.clone()),
        });
    }
    found
}

/// The releases on which the DAG is not paused, as far as is known.
fn majors(dag_id: &DagId, facts: &Facts, policy: &Policy) -> Vec<Option<u32>> {
    if facts.instances.is_empty() && policy.without_airflow == WithoutAirflow::Assume {
        return vec![policy.airflow.map(|version| version.major)];
    }
    let runs = facts.instances.iter().filter(|instance| {
        let paused = matches!(instance.dag(dag_id), Seen::Known(dag) if dag.is_paused == Some(true));
        !paused
    });
    runs.map(|instance| instance.version.map(|version| version.major)).collect()
}

/// How many runs for the past, since when, and whether the text says that they are made up for.
fn runs(deployed: Option<&Dag>, dag: &Dag, major: Option<u32>, now: DateTime) -> Option<(usize, DateTime, bool)> {
    let plan = Plan::of(dag, major);
    // What is not said is true on 2.x and false on 3.x, unless an operator has set it.
    if !plan.catchup.unwrap_or(major != Some(3)) {
        return None;
    }
    let start = plan.start?;
    let since = match deployed.map(|deployed| Plan::of(deployed, major)) {
        // A new DAG is paused when it is created, unless it says otherwise.
        None if dag.options.get("is_paused_upon_creation") != Some("False") => return None,
        Some(known) if known.is_regular() => match known.last_before(now) {
            // It goes on from the last run that the deployed schedule has created.
            Some(last) => last,
            None => start,
        },
        Some(known) if known.may_be_scheduled() => return None,
        None | Some(_) => start,
    };
    Some((plan.runs_between(since, now), since, plan.catchup.is_some()))
}
