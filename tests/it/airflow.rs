//! The commands that ask an Airflow, against a server in this process: what they write, that it is
//! read back, and that no secret leaves.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test makes files and may panic")]

use crate::check::ETL;
use crate::http::{Request, answer, listen};
use crate::program::{Output, with};
use crate::remotes::Https;
use crate::repositories::Scripted;
use serde_json::{Value, json};
use std::fs;
use std::net::TcpStream;
use std::path::Path;

/// An Airflow 3 with the DAG `etl` and its run `r1`, which lets in whom it is told to.
struct Airflow {
    url: String,
}

/// The password; whatever shows it, or the token that is given for it, fails a test.
const PASSWORD: &str = "hunter2-of-the-test";
const TOKEN: &str = "token-of-the-test";

impl Airflow {
    fn start(limited: bool) -> Self {
        Self { url: listen(move |request, stream| serve(request, stream, limited)) }
    }

    fn variables(&self) -> [(&str, &str); 3] {
        [
            ("DAGGUARD_AIRFLOW_URL", &self.url),
            ("DAGGUARD_AIRFLOW_USERNAME", "viewer"),
            ("DAGGUARD_AIRFLOW_PASSWORD", PASSWORD),
        ]
    }
}

fn serve(request: &Request, stream: TcpStream, limited: bool) -> Option<()> {
    let let_in = request.header("authorization") == Some(format!("Bearer {TOKEN}").as_str());
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let (status, json) = match request.path().trim_start_matches("/api/v2/") {
        "version" => (200, json!({ "version": "3.3.2" })),
        "/auth/token" if body["password"] == PASSWORD => (201, json!({ "access_token": TOKEN })),
        "/auth/token" => (401, json!({ "detail": "Invalid credentials" })),
        _ if !let_in => (401, json!({ "detail": "Not authenticated" })),
        "dags" => (200, json!({ "dags": [etl()], "total_entries": 1 })),
        "dags/etl" => (200, etl()),
        "dags/~/dagRuns/list" => {
            // A pinned run keeps its code, so nothing hurts it.
            let bundle = if limited { Value::Null } else { json!("5f3c1d0") };
            let run = json!({ "dag_id": "etl", "dag_run_id": "r1", "state": "running", "run_type": "manual",
                "logical_date": null, "conf": { "password": PASSWORD }, "bundle_version": bundle });
            (200, json!({ "dag_runs": [run], "total_entries": 1 }))
        }
        "dags/~/dagRuns/~/taskInstances/list" => {
            let row = |task: &str, state: Value| json!({ "dag_id": "etl", "dag_run_id": "r1", "task_id": task, "map_index": -1, "state": state });
            let rows = [row("extract", json!("success")), row("load", Value::Null)];
            (200, json!({ "task_instances": rows, "total_entries": 2 }))
        }
        path if path.starts_with("variables") || path.starts_with("connections") => {
            (403, json!({ "detail": "Forbidden" }))
        }
        path if path.starts_with("dags/") && limited => (403, json!({ "detail": "Forbidden" })),
        "importErrors" | "assets" | "dags/~/dagRuns/~/taskInstances/~/xcomEntries" => (200, json!({})),
        _ => (404, json!({ "detail": "not found" })),
    };
    answer(stream, status, &json.to_string())
}

fn etl() -> Value {
    json!({ "dag_id": "etl", "is_paused": false, "relative_fileloc": "etl.py" })
}

fn no_secret(output: &Output) {
    for secret in [PASSWORD, TOKEN] {
        assert!(!output.stdout.contains(secret) && !output.stderr.contains(secret), "{}", output.shown());
    }
}

#[test]
fn a_snapshot_is_what_a_check_without_credentials_needs() {
    let airflow = Airflow::start(false);
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    repository.write(&[("dags/etl.py", &ETL.replace("\"load\"", "\"load_all\""))]);
    let output = with(&repository.work(), &["snapshot", "-o", "runs.json"], &airflow.variables(), "");
    assert_eq!(output.code, 0, "{}", output.shown());
    let text = fs::read_to_string(repository.work().join("runs.json")).unwrap();
    // `conf` may hold anything; it is written only when it is asked for.
    assert!(!text.contains(PASSWORD) && !text.contains("\"conf\""), "{text}");
    let snapshot: Value = serde_json::from_str(&text).unwrap();
    let instance = &snapshot["instances"][0];
    assert_eq!((&instance["live"], &instance["airflow_version"]), (&json!("known"), &json!("3.3.2")));
    assert_eq!(instance["dags"], json!([{ "dag_id": "etl", "is_paused": false, "fileloc": "etl.py" }]));
    assert_eq!(instance["runs"][0]["bundle_version"], "5f3c1d0");
    let args = ["check", "--against", "HEAD", "--output-format", "json"];
    let offline = with(&repository.work(), &[&args[..], &["--runs", "runs.json"]].concat(), &[], "");
    let live = with(&repository.work(), &args, &airflow.variables(), "");
    assert_eq!(offline.stdout, live.stdout, "the same verdict without a server");
    let report: Value = serde_json::from_str(&live.stdout).unwrap();
    assert_eq!((&report["coverage"]["live"], &report["coverage"]["runs_seen"]), (&json!("known"), &json!(1)));
    no_secret(&live);
    let values = with(&repository.work(), &["snapshot", "--values", "--dag", "etl"], &airflow.variables(), "");
    assert!(values.stdout.contains(PASSWORD), "asked for: {}", values.shown());
}

#[test]
fn the_release_that_a_server_tells_is_the_one_by_whose_modules_the_trees_are_read() {
    let airflow = Airflow::start(false);
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    let dummy = "from airflow.operators.dummy import DummyOperator\nfrom airflow.operators.bash";
    repository.write(&[("dags/etl.py", &ETL.replace("from airflow.operators.bash", dummy))]);
    let variables = airflow.variables();
    let with_it =
        |more: &[&str]| with(&repository.work(), &[&["check", "--against", "HEAD"], more].concat(), &variables, "");
    let output = with_it(&[]);
    assert!(output.stdout.contains("airflow.operators.dummy"), "{}", output.shown());
    // What is named counts before what a server tells.
    let named = with_it(&["--airflow-version", "2.11.2"]);
    assert!(!named.stdout.contains("airflow.operators.dummy"), "{}", named.shown());
    no_secret(&output);
}

#[test]
fn a_pool_that_does_not_exist_is_a_finding_and_a_variable_that_was_not_looked_up_is_noted() {
    let airflow = Airflow::start(false);
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    let pooled = ETL.replace("\"true\")\n    extract", "\"{{ var.value.path }}\", pool=\"etl\")\n    extract");
    repository.write(&[("dags/etl.py", &pooled)]);
    let output = with(&repository.work(), &["check", "--against", "HEAD"], &airflow.variables(), "");
    assert_eq!(output.code, 0, "{}", output.shown());
    assert!(output.stdout.contains("[pool-missing]: "), "{}", output.shown());
    let notes: Vec<&str> = output.stdout.lines().filter(|line| line.starts_with("note:")).collect();
    let unseen = "note: Variable `path`, which the change names first, was not looked up on `default`: these credentials \
                  may not read variables";
    assert_eq!(notes, [unseen]);
    no_secret(&output);
}

#[test]
fn what_a_snapshot_could_not_see_is_in_it_and_in_the_exit_code() {
    let here = tempfile::tempdir().unwrap();
    let limited = Airflow::start(true);
    let output = with(here.path(), &["snapshot"], &limited.variables(), "");
    assert_eq!(output.code, 3, "{}", output.shown());
    assert!(output.stderr.contains("do not read all DAGs"), "{}", output.stderr);
    let snapshot: Value = serde_json::from_str(&output.stdout).unwrap();
    let instance = &snapshot["instances"][0];
    assert_eq!((&instance["live"], &instance["limited"]), (&json!("partial"), &json!(true)));
    no_secret(&output);
    let output = with(here.path(), &["snapshot", "--airflow-url", "http://127.0.0.1:9"], &[], "");
    assert_eq!(output.code, 3, "{}", output.shown());
    assert_eq!(serde_json::from_str::<Value>(&output.stdout).unwrap()["instances"][0]["live"], "unavailable");
    let output = with(here.path(), &["snapshot"], &[], "");
    assert_eq!(output.code, 2, "{}", output.shown());
    assert!(output.stderr.contains("[instance.NAME]"), "{}", output.stderr);
}

#[test]
fn a_url_without_a_scheme_says_what_is_missing() {
    let here = tempfile::tempdir().unwrap();
    for url in ["airflow:8080", "airflow.example/team", "localhost:8080"] {
        let output = with(here.path(), &["snapshot", "--airflow-url", url], &[], "");
        assert_eq!(output.code, 2, "{}", output.shown());
        assert!(
            output.stderr.contains("does not begin with `http://`") && output.stderr.contains("hint: the form is"),
            "{}",
            output.shown()
        );
    }
}

#[test]
fn several_instances_are_all_asked_and_each_run_names_its_own() {
    let (one, two) = (Airflow::start(false), Airflow::start(false));
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    repository.write(&[("dags/etl.py", &ETL.replace("\"load\"", "\"load_all\""))]);
    fs::write(repository.root().join("password"), format!("{PASSWORD}\n")).unwrap();
    let operator = format!(
        "[instance.prod]\nurl = \"{}\"\nusername = \"viewer\"\npassword-file = \"{}\"\n",
        one.url,
        repository.root().join("password").display()
    );
    fs::write(repository.root().join("operator.toml"), operator).unwrap();
    let command = format!(r#"["sh", "-c", "echo {TOKEN}"]"#);
    let variables =
        [("DAGGUARD_INSTANCE_NEXT_URL", two.url.as_str()), ("DAGGUARD_INSTANCE_NEXT_CREDENTIAL_COMMAND", &command)];
    let config = repository.root().join("operator.toml");
    let config = ["--config", config.to_str().unwrap()];
    let output = with(&repository.work(), &[&["snapshot"][..], &config].concat(), &variables, "");
    assert_eq!(output.code, 0, "{}", output.shown());
    let snapshot: Value = serde_json::from_str(&output.stdout).unwrap();
    let names: Vec<&str> =
        snapshot["instances"].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["next", "prod"]);
    let args = ["check", "--against", "HEAD", "--output-format", "json"];
    let output = with(&repository.work(), &[&args[..], &config].concat(), &variables, "");
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    let instances: Vec<&str> =
        report["predictions"].as_array().unwrap().iter().filter_map(|one| one["instance"].as_str()).collect();
    assert_eq!(instances, ["next", "prod"], "{report}");
    no_secret(&output);
    // One of them down: the other's answer alone decides nothing.
    let down = [("DAGGUARD_INSTANCE_NEXT_URL", "http://127.0.0.1:9"), ("DAGGUARD_ON_UNREACHABLE", "fail")];
    let output = with(&repository.work(), &[&args[..], &config].concat(), &down, "");
    assert_eq!(output.code, 3, "{}", output.shown());
    assert!(output.stdout.contains("undecided"), "{}", output.shown());
}

#[test]
fn access_says_what_is_allowed_and_what_a_missing_check_needs() {
    let here = tempfile::tempdir().unwrap();
    let airflow = Airflow::start(false);
    let output = with(here.path(), &["status", "--access"], &airflow.variables(), "");
    assert_eq!(output.code, 0, "{}", output.shown());
    insta::assert_snapshot!(output.stdout, @r"
    default (Airflow 3.3.2)
      DAGs                             needed    yes
      all DAGs                         optional  yes
      runs in flight                   needed    yes
      task instances                   needed    yes
      stored XComs                     optional  yes
      import errors                    optional  yes
      names of pools                   optional  yes
      names of Variables               optional  no: needs `can_read` on Variables (role Op)
      names of connections             optional  no: needs `can_read` on Connections (role Op)
      datasets and assets              optional  yes
    ");
    let limited = Airflow::start(true);
    let output = with(here.path(), &["status", "--access", "--output-format", "json"], &limited.variables(), "");
    let json: Value = serde_json::from_str(&output.stdout).unwrap();
    let checks = json["instances"][0]["checks"].as_array().unwrap();
    let all = checks.iter().find(|check| check["check"] == "all DAGs").unwrap();
    assert_eq!((&all["allowed"], &all["needed"]), (&json!("no"), &json!(false)));
    let output = with(here.path(), &["status", "--access", "--airflow-url", "http://127.0.0.1:9"], &[], "");
    assert_eq!(output.code, 3, "{}", output.shown());
    assert!(output.stdout.contains("not reached: no connection"), "{}", output.shown());
}

#[test]
fn an_unknown_authority_is_refused_and_one_that_was_named_is_trusted() {
    let scripted = Scripted::with(&[("dags/etl.py", ETL)]);
    let https = Https::start(&scripted, None);
    let url = https.url("", "");
    let args = ["snapshot", "--airflow-url", &url];
    let output = with(scripted.root(), &args, &[("DAGGUARD_AIRFLOW_TOKEN", TOKEN)], "");
    assert_eq!(output.code, 3, "{}", output.shown());
    assert!(output.stderr.contains("certificate of Airflow is not trusted"), "{}", output.shown());
    assert!(output.stderr.contains("--airflow-ca-bundle"), "{}", output.shown());
    let authority = scripted.root().join("authority.pem").display().to_string();
    let trusted = [("DAGGUARD_AIRFLOW_CA_BUNDLE", authority.as_str())];
    let output = with(scripted.root(), &args, &trusted, "");
    // That server is no Airflow, which it could say only to somebody who trusts it.
    assert!(output.stderr.contains("no Airflow API answers"), "{}", output.shown());
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(fs::read(&path).unwrap()) }
    }
    found
}

#[test]
fn a_failing_delivery_shows_no_secret_in_its_log_its_errors_or_its_state() {
    let airflow = Airflow::start(true);
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    let home = repository.root().join("home");
    fs::create_dir_all(&home).unwrap();
    let source = repository.bare().to_string_lossy().into_owned();
    let sync = |variables: &[(&str, &str)]| {
        let home = home.to_string_lossy().into_owned();
        let fixed = [("AIRFLOW_HOME", home.as_str()), ("CONTENT_SYNCER_GIT_REPO_SOURCE", source.as_str())];
        with(&repository.work(), &["sync", "--once", "-vv"], &[&fixed[..], variables].concat(), "")
    };
    let first = sync(&airflow.variables());
    repository.write(&[("dags/etl.py", &ETL.replace("\"load\"", "\"load_all\""))]);
    repository.push("rename");
    let command = format!("printf Cookie:session={TOKEN}");
    let secrets = repository.root().join("secret-file");
    fs::write(&secrets, PASSWORD).unwrap();
    let secrets = secrets.to_string_lossy().into_owned();
    let url = ("DAGGUARD_AIRFLOW_URL", airflow.url.as_str());
    let proxy = format!("http://proxy:{PASSWORD}@127.0.0.1:9");
    let runs = [
        sync(&airflow.variables()),
        sync(&[
            url,
            ("DAGGUARD_AIRFLOW_USERNAME", "viewer"),
            ("DAGGUARD_AIRFLOW_PASSWORD", &format!("{PASSWORD}-wrong")),
        ]),
        sync(&[url, ("DAGGUARD_AIRFLOW_TOKEN_FILE", &secrets)]),
        sync(&[url, ("DAGGUARD_AIRFLOW_CREDENTIAL_COMMAND", &command)]),
        sync(&[url, ("DAGGUARD_AIRFLOW_PROXY", &proxy)]),
    ];
    for output in std::iter::once(&first).chain(&runs) {
        assert!(output.stderr.contains("Updating") || output.stderr.contains("outcome"), "{}", output.shown());
        no_secret(output);
    }
    for output in &runs {
        assert!(output.stderr.contains("held") || output.stderr.contains("blocked"), "{}", output.shown());
    }
    for bytes in files(&home) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains(PASSWORD) && !text.contains(TOKEN), "{text}");
    }
    assert!(fs::read_to_string(home.join("dags/etl.py")).unwrap().contains("\"load\""), "nothing unseen is delivered");
}
