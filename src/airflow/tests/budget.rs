//! What a snapshot costs, counted by a server of the size that was measured: 500 DAGs, 200 runs in
//! flight, 4,000 task instances in them.

use super::super::{Access, Credentials, ask};
use super::conversation::{about, missing, version};
use super::play::{Asked, Play, Reply};
use crate::facts::{Questions, Seen};
use crate::secret::Secret;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const DAGS: usize = 500;
const RUNS: usize = 200;
const TASKS: usize = 20;

fn dag(index: usize) -> String {
    format!("dag{index:03}")
}

fn wanted(body: &Value, key: &str, value: &str) -> bool {
    body.get(key).and_then(Value::as_array).is_none_or(|list| list.iter().any(|item| item == value))
}

/// Airflow of that size behind either API.
fn large(release: &'static str) -> Play {
    let v1 = release.starts_with('2');
    Play::start(move |asked: &Asked, _| {
        let ours = if v1 { "/api/v1/" } else { "/api/v2/" };
        let Some(path) = asked.path.strip_prefix(ours) else { return Reply::Html(404) };
        match path {
            "version" => version(release),
            "dags" => {
                let pairs: Vec<(&str, &str)> = asked.query.split('&').filter_map(|pair| pair.split_once('=')).collect();
                let number = |key: &str| {
                    let found = pairs.iter().find(|(name, _)| *name == key);
                    found.and_then(|(_, value)| value.parse::<usize>().ok()).unwrap_or(0)
                };
                // The cap of `maximum_page_limit` is silent.
                let last = (number("offset") + number("limit").min(100)).min(DAGS);
                let page: Vec<Value> = (number("offset")..last).map(|i| json!({ "dag_id": dag(i) })).collect();
                Reply::Json(200, json!({ "dags": page, "total_entries": DAGS }))
            }
            "dags/~/dagRuns/list" => {
                let rows: Vec<Value> = (0..RUNS)
                    .filter(|i| wanted(&asked.body, "dag_ids", &dag(*i)))
                    .map(|i| {
                        json!({ "dag_id": dag(i), "dag_run_id": format!("r{i}"), "state": "running",
                            "logical_date": "2026-01-01T00:00:00+00:00" })
                    })
                    .collect();
                Reply::Json(200, json!({ "total_entries": rows.len(), "dag_runs": rows }))
            }
            "dags/~/dagRuns/~/taskInstances/list" => {
                let rows: Vec<Value> = (0..RUNS)
                    .filter(|i| wanted(&asked.body, "dag_ids", &dag(*i)))
                    .filter(|i| wanted(&asked.body, "dag_run_ids", &format!("r{i}")))
                    .flat_map(|i| {
                        (0..TASKS).map(move |t| {
                            json!({ "dag_id": dag(i), "dag_run_id": format!("r{i}"), "task_id": format!("t{t}"),
                                "map_index": -1, "state": "running" })
                        })
                    })
                    .collect();
                Reply::Json(200, json!({ "total_entries": rows.len(), "task_instances": rows }))
            }
            path => match path.strip_prefix("dags/dag").and_then(|number| number.parse::<usize>().ok()) {
                Some(number) if number < DAGS => Reply::Json(200, json!({ "dag_id": dag(number) })),
                _ => missing(),
            },
        }
    })
}

/// Calls of the API in one pass, and in the next that knows the server.
async fn calls(release: &'static str, questions: &Questions, runs: usize) -> (usize, usize) {
    let server = large(release);
    let credentials = Credentials::Bearer(Secret::new("t").into());
    let access = Access { credentials, ..server.access() };
    let mut counts = Vec::new();
    for _ in 0..2 {
        let before = server.asked().len();
        let instance = ask(&access, questions).await;
        let seen: Vec<_> = instance
            .dags
            .values()
            .filter_map(|dag| match dag {
                Seen::Known(dag) => Some(&dag.runs),
                _ => None,
            })
            .flatten()
            .collect();
        assert_eq!(seen.len(), runs, "{release}");
        assert!(seen.iter().all(|run| run.task_instances.len() == TASKS), "{release}");
        counts.push(server.asked().len() - before);
    }
    (counts[0], counts[1])
}

#[tokio::test]
async fn few_dags_cost_four_calls_and_one_for_each() {
    for k in [1, 3, 8] {
        let names: Vec<String> = (0..k).map(dag).collect();
        let questions = about(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(calls("3.3.2", &questions, k).await, (4 + k, 4 + k));
        // On Airflow 2 the first question of all is the other API's.
        for release in ["2.6.2", "2.11.2"] {
            assert_eq!(calls(release, &questions, k).await, (4 + k + 1, 4 + k), "{release}");
        }
    }
}

#[tokio::test]
async fn many_dags_or_all_of_them_cost_five_calls() {
    let many: Vec<String> = (0..100).map(dag).collect();
    let many = about(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let all = Questions { all_dags: true, ..Questions::default() };
    for (questions, runs) in [(many, 100), (all, RUNS)] {
        assert_eq!(calls("3.3.2", &questions, runs).await, (5, 5));
        for release in ["2.6.2", "2.11.2"] {
            assert_eq!(calls(release, &questions, runs).await, (6, 5), "{release}");
        }
    }
}

#[tokio::test]
async fn every_dag_described_costs_nine_calls_and_the_proof_that_they_are_all() {
    let questions = Questions { all_dags: true, describe: true, ..Questions::default() };
    assert_eq!(calls("3.3.2", &questions, RUNS).await, (10, 10));
    assert_eq!(calls("2.11.2", &questions, RUNS).await, (11, 10));
    let server = large("3.3.2");
    let access = Access { credentials: Credentials::Bearer(Secret::new("t").into()), ..server.access() };
    let instance = ask(&access, &questions).await;
    assert_eq!((instance.dags.len(), &instance.others), (DAGS, &Seen::Known(())));
    // No list of runs or task instances is paged by an offset.
    let offsets: BTreeSet<String> =
        server.asked().iter().filter_map(|asked| asked.body.get("page_offset")).map(Value::to_string).collect();
    assert_eq!(offsets, BTreeSet::from(["0".to_string()]));
}
