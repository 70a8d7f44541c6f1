//! What is looked up on demand: what each release gives, and that what cannot be had is "not checked"
//! and costs nothing else.

use super::super::ask;
use super::conversation::{about, airflow, known, run, runs, tasks};
use super::play::{Asked, Reply};
use crate::facts::{Answer, Details, Extra, Questions, StoredValue, ValueKind};
use crate::ids::{DagId, MapIndex, TaskId};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

fn stored(dag_id: &str, task_id: &str) -> StoredValue {
    StoredValue { dag_id: DagId::from(dag_id), task_id: TaskId::from(task_id), key: "return_value".to_string() }
}

pub(super) fn everything(dag_id: &str, tasks: &[&str]) -> Questions {
    Questions {
        extras: BTreeSet::from([Extra::Tasks, Extra::Durations, Extra::ImportErrors, Extra::Assets]),
        values: tasks.iter().map(|task| stored(dag_id, task)).collect(),
        ..about(&[dag_id])
    }
}

pub(super) fn checked<T>(answer: &Answer<T>) -> &T {
    match answer {
        Answer::Checked(answer) => answer,
        Answer::NotChecked(reason) => panic!("{reason}"),
    }
}

pub(super) fn reason<T: std::fmt::Debug>(answer: &Answer<T>) -> &str {
    match answer {
        Answer::NotChecked(reason) => reason,
        Answer::Checked(answer) => panic!("{answer:?}"),
    }
}

/// An answer of an Airflow 2.11 that has all of it.
fn all(asked: &Asked) -> Option<Reply> {
    let body = match asked.path.trim_start_matches("/api/v1/") {
        "dags/d/tasks" => json!({ "tasks": [{ "task_id": "t", "class_ref": { "class_name": "X" } }] }),
        "dags/d/dagRuns" => json!({ "total_entries": 3, "dag_runs": [
            { "start_date": "2026-01-01T00:00:00Z", "end_date": "2026-01-01T00:01:30.5Z" },
            { "start_date": "2026-01-01T00:00:00Z", "end_date": null },
            { "start_date": "2026-01-01T00:00:10Z", "end_date": "2026-01-01T00:00:00Z" },
        ] }),
        "dags/~/dagRuns/~/taskInstances/list" => json!({ "total_entries": 3, "task_instances": [
            { "dag_id": "d", "dag_run_id": "r", "task_id": "t", "map_index": 0, "state": "success" },
            { "dag_id": "d", "dag_run_id": "r", "task_id": "t", "map_index": 1, "state": "success" },
            { "dag_id": "d", "dag_run_id": "r", "task_id": "t", "map_index": 2, "state": "running" },
        ] }),
        "dags/d/dagRuns/r/taskInstances/t/xcomEntries" => json!({ "total_entries": 3, "xcom_entries": [
            { "key": "return_value", "map_index": 0 }, { "key": "other", "map_index": 0 },
            { "key": "other", "map_index": 1 },
        ] }),
        "dags/d/dagRuns/r/taskInstances/t/xcomEntries/return_value" => {
            json!({ "value": { "secret": "hunter3" } })
        }
        "importErrors" => json!({ "total_entries": 1, "import_errors": [
            { "filename": "/dags/a.py", "stack_trace": "Traceback\n  x\nKeyError: 'hunter3'\n" },
        ] }),
        "datasets" => json!({ "total_entries": 0, "datasets": [] }),
        _ => return None,
    };
    Some(Reply::Json(200, body))
}

#[tokio::test]
async fn keys_types_and_durations_are_kept_and_values_are_not() {
    let server = airflow("2.11.2", |asked, _| all(asked));
    let instance = ask(&server.access(), &everything("d", &["t"])).await;
    let details = &instance.details;
    assert_eq!(checked(&details.durations[0].answer), &[90_500], "only runs that have both times");
    let types = checked(&details.values[0].types);
    assert_eq!(
        types.iter().map(|one| (one.map_index, one.kind)).collect::<Vec<_>>(),
        [(MapIndex(0), ValueKind::Object)]
    );
    let keys: Vec<Option<usize>> = known(&instance).runs[0]
        .task_instances
        .iter()
        .map(|task| if let Answer::Checked(keys) = &task.xcom_keys { Some(keys.len()) } else { None })
        .collect();
    assert_eq!(keys, [Some(2), Some(1), None], "what runs has stored nothing that counts");
    let asked = server.asked();
    let value = asked.iter().find(|asked| asked.path.ends_with("/return_value")).expect("it was asked for");
    assert_eq!(value.query, "stringify=false&map_index=0");
    let shown = format!("{instance:?}");
    assert!(!shown.contains("hunter3"), "{shown}");
}

#[tokio::test]
async fn each_that_cannot_be_had_is_not_checked_and_costs_nothing_else() {
    for (status, words) in [(403, "may not read"), (404, ""), (500, "status 500"), (200, "")] {
        let server = airflow("2.11.2", move |asked, _| {
            let path = asked.path.trim_start_matches("/api/v1/");
            let optional = ["importErrors", "datasets", "dags/d/tasks", "dags/d/dagRuns"].contains(&path)
                || path.contains("xcomEntries");
            match (optional, status) {
                (true, 200) => Some(Reply::Html(200)),
                (true, status) => Some(Reply::Json(status, json!({ "detail": "no" }))),
                (false, _) if path.ends_with("taskInstances/list") => all(asked),
                (false, _) => None,
            }
        });
        let instance = ask(&server.access(), &everything("d", &["t"])).await;
        assert_eq!(known(&instance).runs.len(), 1, "{status}");
        let details = &instance.details;
        let reasons = [
            reason(&details.tasks[0].answer),
            reason(&details.durations[0].answer),
            reason(&details.values[0].types),
            reason(details.import_errors.as_ref().expect("it was asked")),
            reason(details.assets.as_ref().expect("it was asked")),
        ];
        assert!(reasons.iter().all(|reason| reason.contains(words)), "{status}: {reasons:?}");
    }
}

#[tokio::test]
async fn what_has_an_answer_when_time_is_up_keeps_it() {
    let server = airflow(
        "2.11.2",
        |asked, _| {
            if asked.path.ends_with("/importErrors") { Some(Reply::Never) } else { all(asked) }
        },
    );
    let mut access = server.access();
    access.limits.answer = Duration::from_secs(30);
    access.limits.snapshot = Duration::from_secs(1);
    let instance = ask(&access, &everything("d", &["t"])).await;
    assert_eq!(known(&instance).runs.len(), 1);
    let details = &instance.details;
    assert_eq!(checked(&details.tasks[0].answer)[0].operator, "X");
    let reason = reason(details.assets.as_ref().expect("it was asked"));
    assert!(reason.contains("within 1 s"), "{reason}");
}

#[tokio::test]
async fn nothing_is_asked_on_demand_that_nobody_wanted() {
    let server = airflow("2.11.2", |asked, _| all(asked));
    let instance = ask(&server.access(), &about(&["d"])).await;
    assert!(instance.details.is_empty());
    let asked: BTreeSet<String> = server.asked().into_iter().map(|asked| asked.path).collect();
    assert!(!asked.iter().any(|path| path.contains("xcom") || path.ends_with("/tasks")), "{asked:?}");
    assert_eq!(instance.details, Details::default());
}

#[tokio::test]
async fn where_many_runs_have_stored_a_value_none_is_asked_for() {
    let rows: Vec<Value> = (0..11).map(|number| run(&format!("r{number}"))).collect();
    let server = airflow("2.11.2", move |asked, _| match asked.path.trim_start_matches("/api/v1/") {
        "dags/~/dagRuns/list" => Some(runs(&rows)),
        "dags/~/dagRuns/~/taskInstances/list" => {
            let ids = asked.body["dag_run_ids"].as_array()?;
            let row =
                |id| json!({ "dag_id": "d", "dag_run_id": id, "task_id": "t", "map_index": -1, "state": "success" });
            Some(tasks(&ids.iter().map(row).collect::<Vec<_>>()))
        }
        _ => all(asked),
    });
    let instance = ask(&server.access(), &Questions { values: [stored("d", "t")].into(), ..about(&["d"]) }).await;
    assert_eq!(reason(&instance.details.values[0].types), "more than 10 runs have stored it");
    assert!(server.asked().iter().all(|asked| !asked.path.contains("xcom")));
}
