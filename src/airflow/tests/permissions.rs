//! What the credentials allow is said for each check, with what a missing one needs.

use super::super::{Allowed, Check, ask, permissions};
use super::conversation::{about, airflow, known, missing, runs};
use super::play::{Reply, access};
use crate::facts::{Answer, Names, Questions};
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
async fn a_viewer_lacks_what_a_viewer_lacks() {
    let server = airflow("2.6.2", |asked, _| {
        let path = asked.path.trim_start_matches("/api/v1/");
        let first = path.split('/').next().unwrap_or_default();
        Some(match first {
            "pools" | "variables" | "connections" => Reply::Json(403, json!({ "detail": null })),
            "importErrors" => Reply::Json(200, json!({ "import_errors": [], "total_entries": 0 })),
            "datasets" => Reply::Html(500),
            _ if path.ends_with("xcomEntries") => Reply::Json(200, json!({ "xcom_entries": [], "total_entries": 0 })),
            _ if path.ends_with("dagRuns/list") => runs(&[]),
            _ if path.contains("does_not_exist") => missing(),
            _ => return None,
        })
    });
    let found = permissions(&server.access()).await;
    assert_eq!(found.version.map(|version| version.minor), Some(6));
    let checks = found.checks.expect("it was reached");
    let allowed = |check: Check| checks.iter().find(|(one, _)| *one == check).map(|(_, allowed)| allowed.clone());
    for check in [Check::Dags, Check::AllDags, Check::Runs, Check::TaskInstances, Check::XComs, Check::ImportErrors] {
        assert_eq!(allowed(check), Some(Allowed::Yes), "{check:?}");
    }
    for check in [Check::Pools, Check::Variables, Check::Connections] {
        assert_eq!(allowed(check), Some(Allowed::No), "{check:?}");
        assert!(check.permission().contains("can_read") && !check.is_needed());
    }
    assert!(matches!(allowed(Check::Assets), Some(Allowed::NotKnown(reason)) if reason.contains("500")));
    // Values are never read: no list of Variables or connections is asked for.
    let asked = server.asked();
    assert!(asked.iter().all(|asked| !asked.path.ends_with("/variables") && !asked.path.ends_with("/connections")));
}

#[tokio::test]
async fn who_is_not_let_in_is_told_so_once() {
    let server = airflow("2.6.2", |asked, _| {
        (!asked.path.ends_with("version")).then(|| Reply::Json(401, json!({ "detail": null })))
    });
    let reason = permissions(&server.access()).await.checks.expect_err("nobody is let in");
    assert!(reason.contains("refuses the credentials"), "{reason}");
    let reason = permissions(&access("http://127.0.0.1:1")).await.checks.expect_err("nobody is there");
    assert!(reason.contains("no connection"), "{reason}");
}

#[tokio::test]
async fn of_a_pool_its_slots_are_kept() {
    let server = airflow("2.11.2", |asked, _| {
        Some(match asked.path.trim_start_matches("/api/v1/") {
            "pools/small" => Reply::Json(200, json!({ "name": "small", "slots": 2, "occupied_slots": 1 })),
            "pools/bare" => Reply::Json(200, json!({ "name": "bare" })),
            _ => return None,
        })
    });
    let set = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<String>>();
    let names = Names { pools: set(&["small", "bare", "gone"]), ..Names::default() };
    let instance = ask(&server.access(), &Questions { names, ..about(&["d"]) }).await;
    assert_eq!(instance.pools, Answer::Checked(set(&["small", "bare"])));
    assert_eq!(instance.details.pool_slots.into_iter().collect::<Vec<_>>(), [("small".to_owned(), 2)]);
}

#[tokio::test]
async fn names_exist_or_not_or_are_not_checked_and_values_are_dropped() {
    let server = airflow("2.11.2", |asked, _| {
        Some(match asked.path.trim_start_matches("/api/v1/") {
            "variables/there" => Reply::Json(200, json!({ "key": "there", "value": "hunter3" })),
            "pools/there" => Reply::Html(500),
            path if path.starts_with("connections/") => Reply::Json(403, json!({ "detail": null })),
            _ => return None,
        })
    });
    let set = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<String>>();
    let names = Names { pools: set(&["there"]), variables: set(&["there", "gone"]), connections: set(&["db"]) };
    let instance = ask(&server.access(), &Questions { names, ..about(&["d"]) }).await;
    assert_eq!(known(&instance).runs.len(), 1, "what is optional costs nothing");
    assert_eq!(instance.variables, Answer::Checked(set(&["there"])));
    assert!(matches!(&instance.connections, Answer::NotChecked(reason) if reason.contains("may not read")));
    assert!(matches!(&instance.pools, Answer::NotChecked(reason) if reason.contains("500")));
    assert!(!format!("{instance:?}").contains("hunter3"));
    let instance = ask(&server.access(), &about(&["d"])).await;
    assert_eq!(instance.variables, Answer::NotChecked("not asked".into()));
}
