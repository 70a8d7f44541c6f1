//! What a snapshot costs, counted by a server of the size that was measured: 500 DAGs, 200 runs in
//! flight, 4,000 task instances in them.

use super::super::{Access, Credentials, PasswordLogin, ask};
use super::conversation::{about, missing, version};
use super::play::{Asked, Play, Reply, password};
use crate::facts::{DagFacts, Describe, Questions, Seen};
use crate::secret::Secret;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const DAGS: usize = 500;
const RUNS: usize = 200;
const TASKS: usize = 20;

/// What a log-in form answers to the right password.
const AFTER_LOGIN: [(&str, &str); 2] = [("Location", "/home"), ("Set-Cookie", "session=s; Path=/")];

fn dag(index: usize) -> String {
    format!("dag{index:03}")
}

fn wanted(body: &Value, key: &str, value: &str) -> bool {
    body.get(key).and_then(Value::as_array).is_none_or(|list| list.iter().any(|item| item == value))
}

/// Airflow of that size behind either API.
fn large(release: &'static str, dags: usize) -> Play {
    let v1 = release.starts_with('2');
    Play::start(move |asked: &Asked, _| {
        let ours = if v1 { "/api/v1/" } else { "/api/v2/" };
        match (asked.method.as_str(), asked.path.as_str()) {
            ("POST", "/auth/token") if !v1 => return Reply::Json(201, json!({ "access_token": "t" })),
            ("GET", "/login/") if v1 => return Reply::With(200, &[], super::login::FORM.to_string()),
            ("POST", "/login/") if v1 => return Reply::With(302, &AFTER_LOGIN, String::new()),
            _ => {}
        }
        let Some(path) = asked.path.strip_prefix(ours) else { return Reply::Html(404) };
        match path {
            "version" => version(release),
            "dags" if asked.query.contains("dag_id_pattern=") => {
                let named = |i: &usize| asked.query.contains(&format!("dag_id_pattern={}", dag(*i)));
                let rows: Vec<Value> = (0..dags).filter(named).map(|i| json!({ "dag_id": dag(i) })).collect();
                Reply::Json(200, json!({ "total_entries": rows.len(), "dags": rows }))
            }
            "dags" => {
                let pairs: Vec<(&str, &str)> = asked.query.split('&').filter_map(|pair| pair.split_once('=')).collect();
                let number = |key: &str| {
                    let found = pairs.iter().find(|(name, _)| *name == key);
                    found.and_then(|(_, value)| value.parse::<usize>().ok()).unwrap_or(0)
                };
                // The cap of `maximum_page_limit` is silent.
                let last = (number("offset") + number("limit").min(100)).min(dags);
                let page: Vec<Value> =
                    (number("offset")..last).map(|i| json!({ "dag_id": dag(i), "is_paused": false })).collect();
                Reply::Json(200, json!({ "dags": page, "total_entries": dags }))
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
                Some(number) if number < dags => Reply::Json(200, json!({ "dag_id": dag(number) })),
                _ => missing(),
            },
        }
    })
}

/// Calls of the API in one pass, and in the next that knows the server.
async fn calls(release: &'static str, questions: &Questions, runs: usize) -> (usize, usize) {
    let server = large(release, DAGS);
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

/// Calls of a first pass over everything, log-in included, and how many DAGs it describes.
async fn whole(release: &'static str, dags: usize, credentials: Credentials, describe: Describe) -> (usize, usize) {
    let server = large(release, dags);
    let access = Access { credentials, ..server.access() };
    let instance = ask(&access, &Questions { all_dags: true, describe, ..Questions::default() }).await;
    assert_eq!(instance.others, Seen::Known(()), "{release}");
    let described = |dag: &&Seen<DagFacts>| matches!(dag, Seen::Known(dag) if dag.is_paused.is_some());
    let runs = |dag: &Seen<DagFacts>| if let Seen::Known(dag) = dag { dag.runs.len() } else { 0 };
    assert_eq!(instance.dags.values().map(runs).sum::<usize>(), RUNS);
    // No list of runs or task instances is paged by an offset.
    let offsets: BTreeSet<String> =
        server.asked().iter().filter_map(|asked| asked.body.get("page_offset")).map(Value::to_string).collect();
    assert_eq!(offsets, BTreeSet::from(["0".to_string()]));
    assert_eq!(access.memory.cost().calls, server.asked().len());
    (server.asked().len(), instance.dags.values().filter(described).count())
}

#[tokio::test]
async fn a_whole_snapshot_costs_nine_calls_at_most_with_the_log_in() {
    let bearer = || Credentials::Bearer(Secret::new("t").into());
    let ways = [
        ("3.3.2", bearer(), 6),
        ("3.3.2", password(PasswordLogin::Auto), 7),
        ("2.11.2", password(PasswordLogin::Auto), 9),
        ("2.11.2", password(PasswordLogin::Basic), 7),
        ("2.6.2", password(PasswordLogin::Auto), 9),
        ("2.6.2", bearer(), 7),
    ];
    for (release, credentials, calls) in ways {
        // The last of them shows that the list of DAGs is too long to be read.
        let cost = whole(release, DAGS, credentials.clone(), Describe::Cheaply).await;
        assert_eq!(cost, (calls, 0), "{release} {credentials:?}");
        assert!(whole(release, DAGS, credentials.clone(), Describe::No).await.0 < calls, "{release}");
        let (_, described) = whole(release, DAGS, credentials, Describe::All).await;
        assert_eq!(described, DAGS, "{release}");
    }
    // Where the list fits it is read: four pages, or the one that is left beside the log-in of 2.x.
    assert_eq!(whole("3.3.2", 400, bearer(), Describe::Cheaply).await, (9, 400));
    assert_eq!(whole("3.3.2", 401, bearer(), Describe::Cheaply).await, (6, 0));
    assert_eq!(whole("2.11.2", 100, password(PasswordLogin::Auto), Describe::Cheaply).await, (9, 100));
}
