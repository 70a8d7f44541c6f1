//! Servers that fail, lie, or change while they are read.

use super::super::{Credentials, ask, ask_all};
use super::play::{Asked, Play, Reply, access};
use crate::facts::{DagFacts, Describe, Instance, Questions, Seen};
use crate::ids::DagId;
use crate::secret::Secret;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

pub(super) fn about(dags: &[&str]) -> Questions {
    Questions { dags: dags.iter().map(|dag| DagId::from(*dag)).collect(), ..Questions::default() }
}

pub(super) fn version(version: &str) -> Reply {
    Reply::Json(200, json!({ "version": version }))
}

pub(super) fn run(run_id: &str) -> Value {
    json!({ "dag_id": "d", "dag_run_id": run_id, "state": "running", "logical_date": "2026-01-01T00:00:00+00:00" })
}

pub(super) fn runs(runs: &[Value]) -> Reply {
    Reply::Json(200, json!({ "dag_runs": runs, "total_entries": runs.len() }))
}

pub(super) fn task(run_id: &str, task_id: &str) -> Value {
    json!({ "dag_id": "d", "dag_run_id": run_id, "task_id": task_id, "map_index": -1, "state": "running" })
}

pub(super) fn tasks(rows: &[Value]) -> Reply {
    Reply::Json(200, json!({ "task_instances": rows, "total_entries": rows.len() }))
}

pub(super) fn missing() -> Reply {
    Reply::Json(404, json!({ "detail": "no such thing" }))
}

/// An instance of API v1 with DAG `d` and run `r`, as far as `other` does not say otherwise.
pub(super) fn airflow(
    release: &'static str,
    other: impl Fn(&Asked, usize) -> Option<Reply> + Send + Sync + 'static,
) -> Play {
    Play::start(move |asked, before| {
        other(asked, before).unwrap_or_else(|| match asked.path.trim_start_matches("/api/v1/") {
            "version" => version(release),
            "dags/~/dagRuns/list" => runs(&[run("r")]),
            "dags/~/dagRuns/~/taskInstances/list" => tasks(&[task("r", "t"), task("finished", "t")]),
            "dags/d" => Reply::Json(200, json!({ "dag_id": "d" })),
            "dags" => Reply::Json(200, json!({ "dags": [{ "dag_id": "d" }], "total_entries": 1 })),
            _ => missing(),
        })
    })
}

/// The reason why nothing is known about `d`.
pub(super) fn unavailable(instance: &Instance) -> String {
    match instance.dag(&DagId::from("d")) {
        Seen::Unavailable(reason) => reason,
        other => panic!("{other:?}"),
    }
}

pub(super) fn known(instance: &Instance) -> &DagFacts {
    match instance.dag(&DagId::from("d")) {
        Seen::Known(facts) => facts,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn rows_of_other_runs_are_dropped() {
    let server = airflow("2.11.2", |_, _| None);
    let instance = ask(&server.access(), &about(&["d"])).await;
    let facts = known(&instance);
    assert_eq!(facts.runs.len(), 1);
    assert_eq!(facts.runs[0].task_instances.len(), 1);
    assert!(server.asked().iter().all(|asked| asked.path == "/api/v2/version" || asked.path.starts_with("/api/v1/")));
}

#[tokio::test]
async fn what_is_no_answer_is_unavailable_and_never_idle() {
    type Answer = fn() -> Reply;
    let cases: [(&str, Answer, &str); 8] = [
        ("truncated body", || Reply::Truncated(json!({ "dag_runs": [], "total_entries": 0 })), "broke off"),
        ("HTML of a proxy's login page", || Reply::Html(200), "HTML instead of JSON"),
        ("JSON of something else", || Reply::Json(200, json!({ "hello": 1 })), "missing field"),
        ("500", || Reply::Html(500), "in trouble (status 500)"),
        ("429", || Reply::Json(429, json!({})), "asked too often (status 429)"),
        ("401", || Reply::Json(401, json!({ "detail": null })), "DAGGUARD_AIRFLOW_USERNAME"),
        ("403", || Reply::Json(403, json!({ "detail": null })), "the role Viewer"),
        ("fewer rows than said", || Reply::Json(200, json!({ "dag_runs": [], "total_entries": 7 })), "0 of 7 rows"),
    ];
    for (name, answer, words) in cases {
        let server = airflow("2.11.2", move |asked, _| asked.path.ends_with("dagRuns/list").then(answer));
        let instance = ask(&server.access(), &about(&["d"])).await;
        let reason = unavailable(&instance);
        assert!(reason.contains(words), "{name}: {reason}");
        assert!(!reason.contains("hunter2"), "{name}: {reason}");
        assert!(instance.version.is_some(), "{name}: the version was known by then");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let server = airflow("2.11.2", |asked, _| asked.path.ends_with("taskInstances/list").then_some(Reply::Never));
    let mut access = server.access();
    access.limits.answer = Duration::from_millis(300);
    let begin = Instant::now();
    let reason = unavailable(&ask(&access, &about(&["d"])).await);
    assert!(reason.contains("within 0.3 s"), "{reason}");
    access.limits.answer = Duration::from_mins(1);
    access.limits.snapshot = Duration::from_millis(300);
    let reason = unavailable(&ask(&access, &about(&["d"])).await);
    assert!(reason.contains("within 0.3 s"), "{reason}");
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn nobody_at_home_names_the_url() {
    let reason = unavailable(&ask(&access("http://127.0.0.1:1/prefix"), &about(&["d"])).await);
    assert!(reason.contains("no connection") && reason.contains("127.0.0.1:1/prefix"), "{reason}");
    assert!(reason.contains("--airflow-url"), "{reason}");
    let server = Play::start(|_, _| Reply::Html(404));
    let reason = unavailable(&ask(&server.access(), &about(&["d"])).await);
    assert!(reason.contains("no Airflow API answers (status 404)"), "{reason}");
    let sick = Play::start(|asked, _| Reply::Html(if asked.path.contains("v2") { 503 } else { 404 }));
    let reason = unavailable(&ask(&sick.access(), &about(&["d"])).await);
    assert!(reason.contains("in trouble (status 503)"), "{reason}");
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_password() {
    let elsewhere = airflow("2.11.2", |_, _| None);
    let target = elsewhere.access().url.to_string();
    let server =
        airflow("2.11.2", move |asked, _| asked.path.ends_with("dagRuns/list").then(|| Reply::To(target.clone())));
    let reason = unavailable(&ask(&server.access(), &about(&["d"])).await);
    assert!(reason.contains("redirect"), "{reason}");
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    let server = airflow("2.11.2", |_, _| None);
    let mut access = server.access();
    access.limits.body = 60;
    let reason = unavailable(&ask(&access, &about(&["d"])).await);
    assert!(reason.contains("longer than 60 bytes"), "{reason}");
}

#[tokio::test]
async fn visibility_is_proved_for_each_dag() {
    let server = airflow("2.11.2", |asked, _| match asked.path.as_str() {
        "/api/v1/dags/secret" => Some(Reply::Json(403, json!({ "detail": null }))),
        "/api/v1/dags/sick" => Some(Reply::Html(500)),
        "/api/v1/dags/odd" => Some(Reply::Json(200, json!({ "dag_id": "another" }))),
        "/api/v1/dags/page" => Some(Reply::Html(404)),
        _ => None,
    });
    let instance = ask(&server.access(), &about(&["d", "secret", "sick", "odd", "page", "gone"])).await;
    let seen = |dag: &str| instance.dag(&DagId::from(dag));
    assert!(matches!(seen("d"), Seen::Known(facts) if facts.runs.len() == 1));
    assert_eq!(seen("secret"), Seen::NotVisible);
    assert!(matches!(seen("sick"), Seen::Unavailable(reason) if reason.contains("500")));
    assert!(matches!(seen("odd"), Seen::Unavailable(_)));
    assert!(matches!(seen("page"), Seen::Unavailable(_)), "a 404 that is no answer of the API proves nothing");
    assert_eq!(seen("gone"), Seen::Known(&DagFacts::default()));
    assert!(matches!(seen("not asked"), Seen::Unavailable(_)));
}

#[tokio::test]
async fn all_dags_are_known_only_to_credentials_that_read_all() {
    for (probe, all) in [(404, true), (403, false)] {
        let server = airflow("2.11.2", move |asked, _| {
            asked.path.contains("does_not_exist").then(|| Reply::Json(probe, json!({ "detail": null })))
        });
        let questions = Questions { all_dags: true, ..about(&["hidden"]) };
        let instance = ask(&server.access(), &questions).await;
        assert_eq!(known(&instance).runs.len(), 1);
        let expected = if all { Seen::Known(()) } else { Seen::NotVisible };
        assert_eq!(instance.others, expected);
        assert_eq!(matches!(instance.dag(&DagId::from("hidden")), Seen::Known(_)), all);
        let list = server.asked().into_iter().find(|asked| asked.path.ends_with("dagRuns/list")).expect("a list");
        assert_eq!((list.method.as_str(), list.body.get("dag_ids")), ("POST", None));
        // Who reads all needs no list of them.
        let page = server.asked().into_iter().find(|asked| asked.path.ends_with("/dags"));
        assert_eq!(page.is_none(), all);
        assert!(page.is_none_or(|page| page.query.contains("only_active=false")));
    }
}

#[tokio::test]
async fn many_dags_are_read_by_pages() {
    let server = airflow("2.11.2", |asked, before| {
        (asked.path == "/api/v1/dags").then(|| {
            let dags: Vec<Value> = match before {
                0 => (0..100).map(|i| json!({ "dag_id": format!("a{i}") })).collect(),
                _ => vec![json!({ "dag_id": "d", "is_paused": true })],
            };
            Reply::Json(200, json!({ "dags": dags, "total_entries": 101 }))
        })
    });
    let many: Vec<String> = (0..20).map(|i| format!("a{i}")).chain(["d".to_string(), "gone".to_string()]).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let instance = ask(&server.access(), &Questions { describe: Describe::Cheaply, ..about(&many) }).await;
    assert_eq!(known(&instance).is_paused, Some(true));
    assert_eq!(instance.dag(&DagId::from("gone")), Seen::Known(&DagFacts::default()));
    assert_eq!(server.count("/api/v1/dags"), 2);
    assert!(!instance.dags.contains_key("a50"), "what was not asked for is not in the answer");
}

#[tokio::test]
async fn a_run_that_appears_between_two_readings_is_read_too() {
    let server = airflow("2.11.2", |asked, before| match asked.path.as_str() {
        "/api/v1/dags/~/dagRuns/list" => Some(if before == 0 { runs(&[run("r")]) } else { runs(&[run("r2")]) }),
        "/api/v1/dags/~/dagRuns/~/taskInstances/list" => Some(tasks(&[task("r", "t"), task("r2", "t")])),
        _ => None,
    });
    let instance = ask(&server.access(), &about(&["d"])).await;
    let ids: Vec<&str> = known(&instance).runs.iter().map(|run| run.run_id.as_str()).collect();
    assert_eq!(ids, ["r2"], "the second reading held, so what ended before it is not in flight");
    assert_eq!(known(&instance).runs[0].task_instances.len(), 1);
    assert_eq!(server.count("dagRuns/list"), 3);
}

#[tokio::test]
async fn runs_that_never_stand_still_give_the_union() {
    let server = airflow("2.11.2", |asked, before| match asked.path.as_str() {
        "/api/v1/dags/~/dagRuns/list" => Some(runs(&[run(&format!("r{before}"))])),
        "/api/v1/dags/~/dagRuns/~/taskInstances/list" => {
            Some(tasks(&(0..9).map(|i| task(&format!("r{i}"), "t")).collect::<Vec<_>>()))
        }
        _ => None,
    });
    let instance = ask(&server.access(), &about(&["d"])).await;
    let ids: Vec<&str> = known(&instance).runs.iter().map(|run| run.run_id.as_str()).collect();
    assert_eq!(ids, ["r0", "r1", "r2", "r3"]);
    assert!(known(&instance).runs.iter().all(|run| run.task_instances.len() == 1), "the last ones were read too");
}

#[tokio::test]
async fn more_rows_than_one_answer_holds_are_asked_for_by_whole_runs() {
    // 60 runs of 120 task instances; the server gives what fits the limit and says how many there are.
    let server = airflow("2.11.2", |asked, _| match asked.path.as_str() {
        "/api/v1/dags/~/dagRuns/list" => Some(runs(&(0..60).map(|i| run(&format!("r{i}"))).collect::<Vec<_>>())),
        "/api/v1/dags/~/dagRuns/~/taskInstances/list" => {
            let ids: Vec<&str> = asked.body["dag_run_ids"].as_array()?.iter().filter_map(Value::as_str).collect();
            let mut rows: Vec<Value> =
                ids.iter().flat_map(|id| (0..120).map(move |i| task(id, &format!("t{i}")))).collect();
            let total = rows.len();
            rows.truncate(usize::try_from(asked.body["page_limit"].as_u64()?).ok()?);
            Some(Reply::Json(200, json!({ "task_instances": rows, "total_entries": total })))
        }
        _ => None,
    });
    let instance = ask(&server.access(), &about(&["d"])).await;
    assert_eq!(known(&instance).runs.len(), 60);
    assert!(known(&instance).runs.iter().all(|run| run.task_instances.len() == 120));
    assert_eq!(server.count("taskInstances/list"), 3);
    assert!(server.asked().iter().all(|asked| asked.body.get("page_offset").is_none_or(|offset| offset == 0)));
}

#[tokio::test]
async fn airflow_2_6_ignores_the_limit_and_is_asked_once() {
    let rows: Vec<Value> = (0..6000).map(|i| task("r", &format!("t{i}"))).collect();
    let server = airflow("2.6.2", move |asked, _| asked.path.ends_with("taskInstances/list").then(|| tasks(&rows)));
    let instance = ask(&server.access(), &about(&["d"])).await;
    assert_eq!(known(&instance).runs[0].task_instances.len(), 6000);
    assert_eq!(server.count("taskInstances/list"), 1);
    let asked = server.asked();
    let list = asked.iter().find(|asked| asked.path.ends_with("taskInstances/list")).expect("a list");
    assert_eq!(list.body["execution_date_gte"], "2026-01-01T00:00:00Z");
    assert_eq!(list.body.get("dag_run_ids"), None);
}

#[tokio::test]
async fn a_release_that_does_not_know_run_ids_is_asked_by_dates() {
    let server = airflow("2.7.0", |asked, _| {
        (asked.path.ends_with("taskInstances/list") && asked.body.get("dag_run_ids").is_some())
            .then(|| Reply::Json(400, json!({ "detail": "{'dag_run_ids': ['Unknown field.']}" })))
    });
    let instance = ask(&server.access(), &about(&["d"])).await;
    assert_eq!(known(&instance).runs[0].task_instances.len(), 1);
}

#[tokio::test]
async fn states_nobody_knows_are_in_flight() {
    let server = airflow("2.11.2", |asked, _| match asked.path.as_str() {
        "/api/v1/dags/~/dagRuns/list" => {
            let mut odd = run("odd");
            odd["state"] = json!("paused_by_aliens");
            let mut over = run("over");
            over["state"] = json!("success");
            Some(runs(&[odd, over]))
        }
        "/api/v1/dags/~/dagRuns/~/taskInstances/list" => {
            let mut row = task("odd", "t");
            row["state"] = json!("beamed_up");
            Some(tasks(&[row]))
        }
        _ => None,
    });
    let instance = ask(&server.access(), &about(&["d"])).await;
    assert_eq!(known(&instance).runs.len(), 1);
    let state = &known(&instance).runs[0].task_instances[0].state;
    assert_eq!(state.progress(), crate::facts::Progress::InProgress);
}

/// An instance of API v2 whose tokens are `token1`, `token2`, …; only those in `good` are let in.
pub(super) fn airflow_3(good: &'static [&'static str]) -> Play {
    Play::start(move |asked, before| {
        if asked.path == "/auth/token" {
            let open = asked.method == "GET" || asked.body["password"] == "hunter2";
            return if open {
                Reply::Json(201, json!({ "access_token": format!("token{}", before + 1) }))
            } else {
                Reply::Json(401, json!({ "detail": "Invalid credentials" }))
            };
        }
        let token = asked.authorization.as_deref().and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        match asked.path.as_str() {
            "/api/v2/version" => version("3.3.2"),
            _ if token.is_empty() => Reply::Json(401, json!({ "detail": "Not authenticated" })),
            _ if !good.contains(&token) => Reply::Json(403, json!({ "detail": "Invalid JWT token" })),
            "/api/v2/dags/~/dagRuns/list" => runs(&[]),
            "/api/v2/dags" => Reply::Json(200, json!({ "dags": [], "total_entries": 0 })),
            _ => missing(),
        }
    })
}

#[tokio::test]
async fn an_expired_token_is_renewed_once() {
    let server = airflow_3(&["token2"]);
    let instance = ask(&server.access(), &about(&["d"])).await;
    assert!(known(&instance).runs.is_empty());
    assert_eq!(server.count("/auth/token"), 2);
    let server = airflow_3(&[]);
    let reason = unavailable(&ask(&server.access(), &about(&["d"])).await);
    assert!(reason.contains("refuses the credentials") && reason.contains("DAGGUARD_AIRFLOW_TOKEN"), "{reason}");
    assert_eq!(server.count("/auth/token"), 2);
}

#[tokio::test]
async fn a_complaint_that_repeats_the_password_is_not_repeated() {
    let server = Play::start(|asked, _| match asked.path.as_str() {
        "/auth/token" => {
            let complaint = json!({ "type": "x", "loc": ["body"], "msg": "Not allowed", "input": asked.body });
            Reply::Json(422, json!({ "detail": [complaint] }))
        }
        _ => version("3.3.2"),
    });
    let reason = unavailable(&ask(&server.access(), &about(&["d"])).await);
    assert!(reason.contains("Not allowed") && !reason.contains("hunter2"), "{reason}");
}

#[tokio::test]
async fn a_given_token_is_used_as_it_is() {
    let server = airflow_3(&["given"]);
    let mut access = server.access();
    access.credentials = Credentials::Bearer(Secret::new("given").into());
    assert!(known(&ask(&access, &about(&["d"])).await).runs.is_empty());
    access.credentials = Credentials::Bearer(Secret::new("stolen").into());
    unavailable(&ask(&access, &about(&["d"])).await);
    assert_eq!(server.count("/auth/token"), 0);
}

#[tokio::test]
async fn a_server_that_lets_everybody_in_gives_a_token_for_nothing() {
    let server = airflow_3(&["token1"]);
    let mut access = server.access();
    access.credentials = Credentials::None;
    assert!(known(&ask(&access, &about(&["d"])).await).runs.is_empty());
}

#[tokio::test]
async fn instances_are_asked_at_the_same_time_and_stay_in_order() {
    // Each answers only once the other is asked too.
    let met = std::sync::Arc::new((std::sync::Mutex::new(0), std::sync::Condvar::new()));
    let server = || {
        let met = met.clone();
        airflow("2.11.2", move |asked, _| {
            if asked.path == "/api/v2/version" {
                let (count, changed) = &*met;
                let mut asked = count.lock().unwrap();
                *asked += 1;
                changed.notify_all();
                let (asked, _) = changed.wait_timeout_while(asked, Duration::from_mins(1), |asked| *asked < 2).unwrap();
                assert!(*asked >= 2, "the other instance is not asked");
            }
            None
        })
    };
    let (one, two) = (server(), server());
    let accesses = [one.access(), access("http://127.0.0.1:1"), two.access()];
    let facts = ask_all(&accesses, &about(&["d"])).await;
    assert!(facts.taken_at.is_some());
    known(&facts.instances[0]);
    unavailable(&facts.instances[1]);
    known(&facts.instances[2]);
}

#[tokio::test]
async fn nothing_asked_is_nothing_known() {
    let server = airflow("2.11.2", |_, _| None);
    let instance = ask(&server.access(), &Questions::default()).await;
    assert_eq!(instance.version.map(|version| version.minor), Some(11));
    assert_eq!(unavailable(&instance), "not asked");
    let paths: BTreeSet<String> = server.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, BTreeSet::from(["/api/v1/version".to_string(), "/api/v2/version".to_string()]));
}
