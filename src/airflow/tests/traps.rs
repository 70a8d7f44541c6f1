//! The traps of the measured facts about the API, by name, and what a bad network does: each reads
//! as "not known", with the one setting to look at.

use super::super::{BaseUrl, ask};
use super::conversation::{about, airflow, known, missing, run, runs, task, tasks, unavailable, version};
use super::play::{Play, Reply};
use crate::facts::{Questions, Seen};
use crate::ids::DagId;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test]
async fn trap_1_a_misspelt_state_is_an_empty_list_so_states_are_ours_alone() {
    for release in ["2.6.2", "2.11.2"] {
        let server = airflow(release, |_, _| None);
        ask(&server.access(), &about(&["d"])).await;
        for asked in server.asked().iter().filter(|asked| asked.path.ends_with("dagRuns/list")) {
            assert_eq!(asked.body["states"], json!(["running", "queued"]));
        }
        // Task instances are never filtered by state.
        let lists = server.asked().into_iter().filter(|asked| asked.path.ends_with("taskInstances/list"));
        assert!(lists.into_iter().all(|asked| asked.body.get("state").is_none() && !asked.query.contains("state")));
    }
}

#[tokio::test]
async fn trap_2_an_empty_list_for_a_missing_dag_proves_nothing() {
    let server = airflow("2.11.2", |asked, _| match asked.path.as_str() {
        "/api/v1/dags/~/dagRuns/list" => Some(runs(&[])),
        "/api/v1/dags/private" => Some(Reply::Json(403, json!({ "detail": null }))),
        _ => None,
    });
    let instance = ask(&server.access(), &about(&["private", "gone"])).await;
    assert_eq!(instance.dag(&DagId::from("private")), Seen::NotVisible);
    assert!(matches!(instance.dag(&DagId::from("gone")), Seen::Known(_)), "a 404 by name says that it is not there");
}

#[tokio::test]
async fn trap_3_a_role_without_dags_sees_an_empty_list_of_runs_and_nothing_is_idle() {
    let server = airflow("2.11.2", |asked, _| match asked.path.as_str() {
        "/api/v1/dags/~/dagRuns/list" => Some(runs(&[])),
        path if path.starts_with("/api/v1/dags/~") => None,
        path if path.starts_with("/api/v1/dags") => Some(Reply::Json(403, json!({ "detail": null }))),
        _ => None,
    });
    assert_eq!(ask(&server.access(), &about(&["d"])).await.dag(&DagId::from("d")), Seen::NotVisible);
    let reason = unavailable(&ask(&server.access(), &Questions { all_dags: true, ..Questions::default() }).await);
    assert!(reason.contains("can") || reason.contains("403"), "{reason}");
}

#[tokio::test]
async fn trap_5_a_page_that_is_cut_silently_is_not_the_end() {
    let server = airflow("2.11.2", |asked, _| {
        asked.path.ends_with("dagRuns/list").then(|| {
            let rows: Vec<Value> = (0..100).map(|i| run(&format!("r{i}"))).collect();
            Reply::Json(200, json!({ "dag_runs": rows, "total_entries": 250 }))
        })
    });
    let reason = unavailable(&ask(&server.access(), &about(&["d"])).await);
    assert!(reason.contains("100 of 250 rows"), "{reason}");
}

#[tokio::test]
async fn trap_6_rows_that_come_twice_count_once() {
    let server = airflow("2.6.2", |asked, _| {
        asked.path.ends_with("taskInstances/list").then(|| tasks(&[task("r", "t"), task("r", "t")]))
    });
    let instance = ask(&server.access(), &about(&["d"])).await;
    assert_eq!(known(&instance).runs[0].task_instances.len(), 1);
}

#[tokio::test]
async fn trap_7_250_runs_are_read_by_one_call_and_no_offset() {
    let rows: Vec<Value> = (0..250).map(|i| run(&format!("r{i:03}"))).collect();
    let server = airflow("2.11.2", move |asked, _| match asked.path.as_str() {
        "/api/v1/dags/~/dagRuns/list" => Some(runs(&rows)),
        "/api/v1/dags/~/dagRuns/~/taskInstances/list" => {
            let ids = asked.body["dag_run_ids"].as_array()?;
            Some(tasks(&ids.iter().filter_map(Value::as_str).map(|id| task(id, "t")).collect::<Vec<_>>()))
        }
        _ => None,
    });
    let instance = ask(&server.access(), &about(&["d"])).await;
    assert_eq!(known(&instance).runs.len(), 250);
    assert!(known(&instance).runs.iter().all(|run| run.task_instances.len() == 1));
    assert_eq!(server.count("dagRuns/list"), 2, "at the begin and at the end");
}

#[tokio::test]
async fn trap_8_only_a_bundle_version_of_the_run_pins_it() {
    let server = airflow("2.11.2", |asked, _| {
        asked.path.ends_with("dagRuns/list").then(|| {
            let (mut pinned, mut labelled) = (run("pinned"), run("labelled"));
            pinned["bundle_version"] = json!("5f3c1d0");
            labelled["bundle_version"] = Value::Null;
            labelled["dag_versions"] = json!([{ "version_number": 1, "bundle_version": "5f3c1d0" }]);
            runs(&[pinned, labelled])
        })
    });
    let instance = ask(&server.access(), &about(&["d"])).await;
    let pinned: Vec<(&str, bool)> =
        known(&instance).runs.iter().map(|run| (run.run_id.as_str(), run.bundle_version.is_some())).collect();
    assert_eq!(pinned, [("labelled", false), ("pinned", true)]);
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_again_with_a_bound() {
    // A locked SQLite answers 500 now and then.
    let server = airflow("2.11.2", |asked, before| {
        (asked.path.ends_with("dagRuns/list") && before < 2)
            .then(|| Reply::Json(500, json!({ "detail": "(sqlite3.OperationalError) database is locked" })))
    });
    assert_eq!(known(&ask(&server.access(), &about(&["d"])).await).runs.len(), 1);
    for status in [500, 502, 503, 504] {
        let server =
            airflow("2.11.2", move |asked, _| asked.path.ends_with("dagRuns/list").then_some(Reply::Html(status)));
        let reason = unavailable(&ask(&server.access(), &about(&["d"])).await);
        assert!(reason.contains(&status.to_string()), "{reason}");
        assert_eq!(server.count("dagRuns/list"), 4, "{status}");
    }
}

#[tokio::test]
async fn retry_after_is_kept_if_it_fits_and_named_if_it_does_not() {
    let server = airflow("2.11.2", |asked, before| {
        (asked.path.ends_with("dagRuns/list") && before == 0)
            .then(|| Reply::With(429, &[("Retry-After", "1")], String::new()))
    });
    let begin = Instant::now();
    assert_eq!(known(&ask(&server.access(), &about(&["d"])).await).runs.len(), 1);
    assert!(begin.elapsed() >= Duration::from_secs(1));
    let server = airflow("2.11.2", |asked, _| {
        asked.path.ends_with("dagRuns/list").then(|| Reply::With(429, &[("Retry-After", "3600")], String::new()))
    });
    let reason = unavailable(&ask(&server.access(), &about(&["d"])).await);
    assert!(reason.contains("asked too often (status 429, again after 3600 s)"), "{reason}");
    assert_eq!(server.count("dagRuns/list"), 1);
}

#[tokio::test]
async fn five_hundred_megabytes_are_not_read() {
    for announced in [true, false] {
        let server = airflow("2.11.2", move |asked, _| {
            asked.path.ends_with("dagRuns/list").then_some(Reply::Endless { announced })
        });
        let mut access = server.access();
        access.limits.answer = Duration::from_secs(30);
        let reason = unavailable(&ask(&access, &about(&["d"])).await);
        assert!(reason.contains("longer than 67108864 bytes") && reason.contains("--airflow-url"), "{reason}");
    }
}

#[tokio::test]
async fn a_path_prefix_is_kept_and_html_names_the_setting() {
    let server = Play::start(|asked, _| match asked.path.as_str() {
        "/team/airflow/api/v2/version" => version("3.3.2"),
        "/team/airflow/api/v2/dags/~/dagRuns/list" => runs(&[]),
        "/team/airflow/auth/token" => Reply::Json(201, json!({ "access_token": "t" })),
        "/team/airflow/api/v2/dags" => Reply::Json(200, json!({ "dags": [{ "dag_id": "d" }], "total_entries": 1 })),
        _ => Reply::Html(200),
    });
    let mut access = server.access();
    access.url = BaseUrl::parse(&format!("{}/team/airflow/home", server.access().url)).expect("a URL");
    assert!(known(&ask(&access, &about(&["d"])).await).runs.is_empty());
    access.url = server.access().url;
    let reason = unavailable(&ask(&access, &about(&["d"])).await);
    assert!(reason.contains("--airflow-url"), "{reason}");
}

#[tokio::test]
async fn a_proxy_that_was_set_is_used_even_before_this_machine() {
    let server = airflow("2.11.2", |_, _| None);
    // A server behind a proxy: the proxy is asked for the whole address.
    let mut access = server.access();
    access.transport.proxy = Some(crate::secret::Secret::new(server.access().url.to_string()));
    access.url = BaseUrl::parse("http://airflow.invalid:8080").expect("a URL");
    ask(&access, &about(&["d"])).await;
    let asked = server.asked();
    assert!(asked.iter().any(|asked| asked.path == "http://airflow.invalid:8080/api/v1/version"), "{asked:?}");
}

#[tokio::test]
async fn certificates_that_are_none_name_their_setting() {
    let mut access = super::play::access("https://127.0.0.1:1");
    access.transport.certificates = Some(b"no certificate".to_vec());
    let reason = unavailable(&ask(&access, &about(&["d"])).await);
    assert!(reason.contains("--airflow-ca-bundle"), "{reason}");
}

/// Airflow 3.3.2 with the provider FAB, for 30 s after a permission was taken away.
#[tokio::test]
async fn a_dag_that_is_there_by_name_and_in_no_list_is_not_visible() {
    let by_name = |shown: bool| {
        Play::start(move |asked, _| match asked.path.as_str() {
            "/api/v2/version" => version("3.3.2"),
            "/auth/token" => Reply::Json(201, json!({ "access_token": "t" })),
            "/api/v2/dags/~/dagRuns/list" => runs(&[]),
            "/api/v2/dags/d" => Reply::Json(200, json!({ "dag_id": "d" })),
            "/api/v2/dags" if shown => {
                let rows = json!([{ "dag_id": "add" }, { "dag_id": "d" }]);
                Reply::Json(200, json!({ "dags": rows, "total_entries": 2 }))
            }
            "/api/v2/dags" => Reply::Json(200, json!({ "dags": [{ "dag_id": "add" }], "total_entries": 1 })),
            _ => missing(),
        })
    };
    let server = by_name(false);
    assert_eq!(ask(&server.access(), &about(&["d"])).await.dag(&DagId::from("d")), Seen::NotVisible);
    let server = by_name(true);
    assert!(known(&ask(&server.access(), &about(&["d"])).await).runs.is_empty());
    assert_eq!(server.count("/api/v2/dags/d"), 0, "the list says it");
}

#[tokio::test]
async fn runs_that_are_gone_with_the_permission_have_not_ended() {
    for (status, ended) in [(200, true), (403, false)] {
        let server = airflow("2.11.2", move |asked, before| match asked.path.as_str() {
            "/api/v1/dags/~/dagRuns/list" if before > 0 => Some(runs(&[])),
            "/api/v1/dags/d" if before > 0 => Some(Reply::Json(status, json!({ "dag_id": "d", "detail": null }))),
            _ => None,
        });
        let instance = ask(&server.access(), &about(&["d"])).await;
        let expected = if ended {
            matches!(instance.dag(&DagId::from("d")), Seen::Known(dag) if dag.runs.is_empty())
        } else {
            instance.dag(&DagId::from("d")) == Seen::NotVisible
        };
        assert!(expected, "{instance:?}");
    }
}
