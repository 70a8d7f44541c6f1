//! What was recorded of a run, in the words of the predictions.

#![allow(clippy::unwrap_used, reason = "a row of a truth has its keys")]

use dagguard::replay::Outcome;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What was recorded of each run of a row, in the words of the predictions:
///
/// - `failed`: the run is `failed`, or an instance that would have succeeded is `failed` or
///   `upstream_failed`;
/// - `stuck`: the run is still `running` when nothing moves any more;
/// - `lost`: an instance that would have succeeded is `removed`;
/// - `repeated`: an effect was recorded more often than in the control run;
/// - `skipped-work`: an effect of the control run is missing, or its final value is another one, or an
///   instance that would have succeeded has another state than that and than `removed` (a removed one may
///   have been replaced: the effects tell);
/// - `early-success`: the run is `success`, and one that was open at the gate is among those.
///
/// An instance that stood at the gate for all of a mapped task, which the control run has by index, is judged
/// by what became of itself where it was never expanded. A row holds effects of all its DAGs together; they are laid to the DAG that the row is named after.
pub(crate) fn outcomes(row: &Value) -> BTreeMap<String, BTreeSet<Outcome>> {
    let name = row["name"].as_str().unwrap();
    let some = |key: &str| row[key].as_array().is_some_and(|all| !all.is_empty());
    let mut all = BTreeMap::new();
    for (dag_id, state) in row["run_state"].as_object().unwrap() {
        let state = state.as_str().unwrap();
        let of_run = |key: &str| -> Vec<&str> {
            let lost = row[key].as_object().unwrap().iter();
            let mine = lost.filter(|(key, _)| key.rsplit_once(':').map_or(name, |(dag_id, _)| dag_id) == dag_id);
            mine.filter_map(|(key, state)| {
                let stands_for = key.split_once('[').map_or(key.as_str(), |(task, _)| task);
                let never_expanded = state == "absent" && row["at_gate"].get(stands_for).is_some();
                if never_expanded { row["tis"][stands_for].as_str().or(state.as_str()) } else { state.as_str() }
            })
            .collect()
        };
        let (finished, pending) = (of_run("lost_finished"), of_run("lost_pending"));
        let lost = || finished.iter().chain(&pending).copied();
        let undone = |state: &str| state != "removed" && state != "success";
        let why = |word: &str| row["why"].as_array().is_some_and(|all| all.contains(&json!(word)));
        let missing = some("effects_missing") && dag_id == name;
        let count = |key: &str| row[key].as_array().map_or(0, Vec::len);
        let other_final = why("final_differs") && count("final") == count("control_final") && dag_id == name;
        let mut outcomes = BTreeSet::new();
        let mut add = |outcome, holds: bool| {
            if holds {
                outcomes.insert(outcome);
            }
        };
        add(Outcome::Failed, state == "failed" || lost().any(|state| matches!(state, "failed" | "upstream_failed")));
        add(Outcome::Stuck, !matches!(state, "success" | "failed"));
        add(Outcome::Lost, lost().any(|state| state == "removed"));
        add(Outcome::Repeated, some("effects_repeated") && dag_id == name);
        add(Outcome::SkippedWork, missing || other_final || lost().any(undone));
        let short = pending.iter().any(|state| undone(state)) || missing && !pending.is_empty();
        add(Outcome::EarlySuccess, state == "success" && short);
        all.insert(dag_id.clone(), outcomes);
    }
    all
}
