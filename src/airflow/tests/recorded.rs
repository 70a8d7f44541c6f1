//! Answers recorded on real servers. They lie beside the repository in the developers' shared
//! folder; a machine without it says so with `DAGGUARD_TEST_NO_SHARED=1`.

use super::super::client::{read_recorded, read_recorded_list};
use super::super::{Api, Error, ask, wire};
use super::details::{checked, everything, reason};
use super::play::{Asked, Play, Reply};
use crate::facts::{Answer, Details, Questions, Seen, TaskState, ValueKind};
use crate::ids::{DagId, TaskId};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const VERSIONS: [(&str, Api); 3] = [("2.6.2", Api::V1), ("2.11.2", Api::V1), ("3.3.2", Api::V2)];

/// The recorded answers; none only where somebody said that they are not there.
fn fixtures() -> Option<PathBuf> {
    if std::env::var_os("DAGGUARD_TEST_NO_SHARED").is_some() {
        println!("not run: the recorded answers of real servers are not here (DAGGUARD_TEST_NO_SHARED)");
        return None;
    }
    let shared = std::env::var_os("DAGGUARD_TEST_SHARED").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let folder = shared.join("rest-fixtures");
    assert!(
        folder.is_dir(),
        "no recorded answers in `{}`: set DAGGUARD_TEST_SHARED to the shared folder, or DAGGUARD_TEST_NO_SHARED=1",
        folder.display()
    );
    Some(folder)
}

fn load(file: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(file).expect("a file just listed")).expect("fixtures are JSON")
}

/// The recorded body as it was on the wire.
fn body(answer: &Value) -> Vec<u8> {
    match &answer["response"]["body"] {
        Value::String(text) => text.clone().into_bytes(),
        json => json.to_string().into_bytes(),
    }
}

fn run(row: &[u8]) -> Result<(), serde_json::Error> {
    serde_json::from_slice::<wire::DagRun>(row).map(drop)
}

fn task_instance(row: &[u8]) -> Result<(), serde_json::Error> {
    serde_json::from_slice::<wire::TaskInstanceRow<'_>>(row).map(drop)
}

/// Reads an answer as the call that would ask for it does.
fn read(api: Api, path: &str, status: u16, body: &[u8]) -> Result<(), Error> {
    let path = path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_start_matches("/api/v1/").trim_start_matches("/api/v2/").split('/').collect();
    match parts.as_slice() {
        ["version"] => read_recorded::<wire::Version>(api, status, body).map(drop),
        ["", "auth", "token"] => read_recorded::<wire::Token>(api, status, body).map(drop),
        ["dags"] => read_recorded::<wire::DagList>(api, status, body).map(drop),
        ["dags", _] => read_recorded::<wire::Dag>(api, status, body).map(drop),
        ["dags", _, "dagRuns"] if !path.ends_with("consumer/dagRuns") => {
            read_recorded_list(api, status, wire::RUNS, body, run)
        }
        ["dags", _, "dagRuns", "list"] => read_recorded_list(api, status, wire::RUNS, body, run),
        ["dags", _, "dagRuns", _] => read_recorded::<wire::DagRun>(api, status, body).map(drop),
        ["dags", _, "dagRuns", _, "taskInstances"] | ["dags", _, "dagRuns", _, "taskInstances", "list"] => {
            read_recorded_list(api, status, wire::TASK_INSTANCES, body, task_instance)
        }
        ["dags", _, "dagRuns", _, "taskInstances", _] if (200..300).contains(&status) => {
            task_instance(body).map_err(|error| panic!("{path}: {error}"))
        }
        _ => read_recorded::<Value>(api, status, body).map(drop),
    }
}

#[test]
fn every_recorded_answer_is_what_its_status_says() {
    let Some(fixtures) = fixtures() else { return };
    for (version, api) in VERSIONS {
        let mut seen = 0;
        for entry in std::fs::read_dir(fixtures.join(version)).expect("a folder for each version") {
            let file = entry.expect("a readable folder").path();
            if file.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let answer = load(&file);
            let path = answer["request"]["path"].as_str().expect("a path");
            let status = u16::try_from(answer["response"]["status"].as_u64().expect("a status")).expect("a status");
            let html = answer["response"]["content_type"].as_str().is_some_and(|kind| kind.contains("html"));
            let result = read(api, path, status, &body(&answer));
            let fits = match (status, &result) {
                (200 | 201 | 204, Ok(()))
                | (401 | 403, Err(Error::Refused { .. }))
                | (403, Err(Error::Forbidden { .. }))
                | (400 | 405 | 409 | 422, Err(Error::Rejected { .. }))
                | (500, Err(Error::Trouble { .. })) => true,
                (404, Err(Error::Missing { .. })) => !html,
                (404, Err(Error::NotAirflow { .. })) => html,
                _ => false,
            };
            assert!(fits, "{version} {path} {status}: {result:?}");
            seen += 1;
        }
        assert!(seen > 80, "{version}: only {seen} recorded answers");
    }
}

#[test]
fn a_wrong_password_is_told_from_a_missing_permission_where_the_server_does() {
    let Some(fixtures) = fixtures() else { return };
    let error = |version: &str, api, name: &str| {
        let answer = load(&fixtures.join(version).join(name));
        let status = u16::try_from(answer["response"]["status"].as_u64().expect("a status")).expect("a status");
        read(api, "/api/v1/dags", status, &body(&answer)).expect_err(name)
    };
    let error_262 = error("2.6.2", Api::V1, "auth_bad_password.json");
    assert!(matches!(error_262, Error::Refused { .. }), "{error_262:?}");
    // 2.11.2 gives 403 for both: the hint names both settings.
    let hint = error("2.11.2", Api::V1, "auth_bad_password.json").hint().expect("a hint");
    assert!(hint.contains("DAGGUARD_AIRFLOW_PASSWORD") && hint.contains("Viewer"), "{hint}");
    for name in ["auth_bad_bearer.json", "auth_token_bad_password.json", "auth_basic_is_refused.json"] {
        let error = error("3.3.2", Api::V2, name);
        assert!(matches!(error, Error::Refused { .. }), "{name}: {error:?}");
    }
}

/// Plays what the real server said to the calls of a snapshot.
fn recorded_server(folder: PathBuf, api: Api) -> Play {
    Play::start(move |asked: &Asked, _| {
        let name = match (asked.path.as_str(), api) {
            ("/auth/token", _) => "auth_token_ok",
            ("/api/v2/version", _) => "detect_v2_version",
            ("/api/v1/version", _) => "detect_v1_version",
            (path, _) if path.ends_with("dagRuns/list") => "dag_runs_in_flight_list",
            (path, _) if path.ends_with("taskInstances/list") => "task_instances_all_of_dag_list",
            ("/api/v2/dags", _) => "dags",
            (path, _) if path.ends_with("dags/rich") => "dag",
            (path, _) if path.ends_with("dags/rich/tasks") => "dag_tasks",
            (path, _) if path.ends_with("/importErrors") => "import_errors",
            (path, Api::V1) if path.ends_with("/datasets") => "datasets",
            (path, Api::V2) if path.ends_with("/assets") => "assets",
            (path, _) if path.ends_with("gen/xcomEntries") => "xcom_list",
            (path, _) if path.ends_with("work/xcomEntries") => "xcom_mapped_list",
            (path, _) if path.ends_with("gen/xcomEntries/return_value") => "xcom_value_stringify_false",
            (path, _) if path.ends_with("work/xcomEntries/return_value") => "xcom_mapped_value_index_1",
            _ => "dag_missing",
        };
        let answer = load(&folder.join(format!("{name}.json")));
        let status = u16::try_from(answer["response"]["status"].as_u64().unwrap_or(0)).unwrap_or(0);
        match &answer["response"]["body"] {
            Value::String(_) => Reply::Html(status),
            body => Reply::Json(status, body.clone()),
        }
    })
}

#[tokio::test]
async fn a_recorded_server_gives_its_runs_in_flight() {
    let Some(fixtures) = fixtures() else { return };
    for (version, api) in VERSIONS {
        let server = recorded_server(fixtures.join(version), api);
        let dags = BTreeSet::from([DagId::from("rich"), DagId::from("no_such_dag")]);
        let instance = ask(&server.access(), &Questions { dags, ..Questions::default() }).await;
        assert_eq!(instance.version.map(|version| version.to_string()).as_deref(), Some(version));
        let Seen::Known(rich) = instance.dag(&DagId::from("rich")) else { panic!("{version}: {instance:?}") };
        assert_eq!(rich.is_paused, Some(false));
        assert_eq!(rich.fileloc.as_deref(), Some(if api == Api::V1 { "/opt/airflow/dags/rich.py" } else { "rich.py" }));
        assert_eq!(rich.runs.iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>(), ["r1", "r2"], "{version}");
        let r1 = &rich.runs[0];
        assert_eq!((r1.state.as_str(), r1.task_instances.len()), ("running", 19), "{version}");
        assert_eq!(r1.conf, serde_json::json!({ "a": 1 }));
        let by_task: BTreeMap<(&TaskId, i64), _> =
            r1.task_instances.iter().map(|ti| ((&ti.task_id, ti.map_index.0), ti)).collect();
        let state = |task: &str, index| by_task[&(&TaskId::from(task), index)].state.clone();
        assert_eq!(state("defer", -1), TaskState::Deferred);
        assert_eq!(state("resched", -1), TaskState::UpForReschedule);
        assert_eq!(state("flaky", -1), TaskState::UpForRetry);
        assert_eq!(state("starved", -1), TaskState::Scheduled);
        assert_eq!(state("work", 0), TaskState::Success);
        assert_eq!(state("late_work", -1), TaskState::NoStatus);
        let deferred = by_task[&(&TaskId::from("defer"), -1)];
        assert!(deferred.trigger.as_deref().is_some_and(|path| path.ends_with("DateTimeTrigger")), "{deferred:?}");
        assert_eq!(deferred.operator.as_deref(), Some("DateTimeSensorAsync"));
        // 404: the server does not know it, and these credentials read all.
        let Seen::Known(missing) = instance.dag(&DagId::from("no_such_dag")) else { panic!("{version}: {instance:?}") };
        assert!(missing.runs.is_empty());
        assert!(matches!(instance.others, Seen::Unavailable(_)), "{version}: {:?}", instance.others);
    }
}

#[tokio::test]
async fn request_bodies_are_those_of_the_release() {
    let Some(fixtures) = fixtures() else { return };
    for (version, api) in VERSIONS {
        let server = recorded_server(fixtures.join(version), api);
        let dags = BTreeSet::from([DagId::from("rich")]);
        ask(&server.access(), &Questions { dags, ..Questions::default() }).await;
        let asked = server.asked();
        let lists: Vec<&Asked> = asked.iter().filter(|asked| asked.path.ends_with("taskInstances/list")).collect();
        // On 2.11.2 and 3.3.2 runs days apart are asked for apart; these are seconds apart.
        let of_rich: Vec<&&Asked> =
            lists.iter().filter(|asked| asked.body["dag_ids"].to_string().contains("rich")).collect();
        assert_eq!(of_rich.len(), 1, "{version}: {lists:?}");
        let body = &of_rich[0].body;
        let by_window = body.get("execution_date_gte").is_some();
        assert_eq!(by_window, version == "2.6.2", "{version}: {body}");
        assert_eq!(body.get("dag_run_ids").is_some(), version != "2.6.2", "{version}: {body}");
        let kinds: BTreeSet<Option<&str>> = asked
            .iter()
            .map(|asked| asked.authorization.as_deref().map(|value| value.split(' ').next().unwrap_or_default()))
            .collect();
        let kind = if api == Api::V1 { "Basic" } else { "Bearer" };
        assert_eq!(kinds, BTreeSet::from([None, Some(kind)]), "{version}");
    }
}

#[tokio::test]
async fn a_recorded_server_tells_what_it_was_asked_on_demand() {
    let Some(fixtures) = fixtures() else { return };
    for (version, api) in VERSIONS {
        let server = recorded_server(fixtures.join(version), api);
        let instance = ask(&server.access(), &everything("rich", &["gen", "work"])).await;
        let Details { tasks, durations, values, import_errors, assets, pool_slots: _ } = &instance.details;
        let tasks = checked(&tasks[0].answer);
        let mapped: Vec<&str> = tasks.iter().filter(|task| task.is_mapped).map(|task| task.task_id.as_str()).collect();
        assert!(mapped.contains(&"work") && mapped.contains(&"late_work"), "{version}: {mapped:?}");
        let bash = tasks.iter().find(|task| task.task_id.as_str() == "bash").expect("a task of that DAG");
        assert_eq!(bash.operator, "BashOperator");
        assert!(bash.module.as_deref().is_some_and(|module| module.ends_with("operators.bash")), "{bash:?}");
        // The server that plays has no such answer: one thing less that is known.
        assert!(matches!(durations[0].answer, Answer::NotChecked(_)), "{version}");
        let errors = checked(import_errors.as_ref().expect("it was asked"));
        let named: Vec<(&str, Option<&str>)> =
            errors.iter().map(|error| (error.file.as_str(), error.exception.as_deref())).collect();
        match version {
            // Recorded before the broken file was seen.
            "2.6.2" => assert_eq!(named, []),
            "2.11.2" => assert_eq!(named, [("/opt/airflow/dags/broken.py", Some("ModuleNotFoundError"))]),
            _ => assert_eq!(named, [("broken.py", Some("ModuleNotFoundError"))]),
        }
        let assets = checked(assets.as_ref().expect("it was asked"));
        assert_eq!(assets[0].uri, "s3://bucket/rich", "{version}");
        assert_eq!(assets[0].consumers, BTreeSet::from([DagId::from("consumer")]), "{version}");
        assert_eq!(assets[0].producers, BTreeSet::from([(DagId::from("rich"), TaskId::from("produce"))]));
        for types in values {
            let task = types.value.task_id.as_str();
            if version == "2.6.2" {
                let reason = reason(&types.types);
                assert!(reason.contains("this release"), "{version} {task}: {reason}");
            } else {
                let types = checked(&types.types);
                assert!(!types.is_empty(), "{version} {task}");
                // Of the mapped task's value 2.11.2 was recorded as giving the text alone.
                let kind = match (task, version) {
                    ("gen", _) => ValueKind::Array,
                    (_, "2.11.2") => ValueKind::String,
                    _ => ValueKind::Object,
                };
                assert!(types.iter().all(|stored| stored.kind == kind), "{version} {task}: {types:?}");
            }
        }
    }
}
