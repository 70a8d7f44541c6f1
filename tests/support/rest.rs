//! A few calls of Airflow's REST API for tests, in plain words: trigger, wait, list. On purpose
//! not the client under test.

use super::install::Release;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A user of every test server: password as the name.
pub(crate) const ADMIN: &str = "admin";
/// A user with the role Viewer: password as the name.
pub(crate) const VIEWER: &str = "viewer";

/// Task instances by task and index, each with its state.
pub(crate) type States = BTreeMap<(String, i64), Option<String>>;

/// The administrator's view of one server.
pub(crate) struct Rest {
    release: &'static Release,
    url: String,
    http: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    token: std::sync::Mutex<Option<String>>,
}

impl Rest {
    pub(crate) fn new(release: &'static Release, url: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().expect("a client");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self {
            release,
            url: url.to_string(),
            http,
            runtime: runtime.expect("a runtime"),
            token: std::sync::Mutex::default(),
        }
    }

    /// Whether the API answers.
    pub(crate) fn is_up(&self) -> bool {
        self.call(&Method::GET, "/version", None).is_ok()
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, String> {
        self.call(&Method::GET, path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.call(&Method::POST, path, Some(body))
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.call(&Method::PATCH, path, Some(body))
    }

    /// Makes a role that may read these resources, and a user of its name and password who has it.
    pub(crate) fn make_role(&self, role: &str, user: &str, may_read: &[&str]) {
        self.people(&Method::POST, "/roles", &role_body(role, may_read));
        let user = json!({ "username": user, "password": user, "first_name": user, "last_name": user,
            "email": format!("{user}@example.org"), "roles": [{ "name": role }] });
        self.people(&Method::POST, "/users", &user);
    }

    /// Lets a role read these resources and no others.
    pub(crate) fn change_role(&self, role: &str, may_read: &[&str]) {
        self.people(&Method::PATCH, &format!("/roles/{role}"), &role_body(role, may_read));
    }

    /// A call about users and roles, which Airflow 3 leaves to its auth manager.
    fn people(&self, method: &Method, path: &str, body: &Value) {
        let below = if self.release.fab { "auth/fab/v1" } else { "api/v1" };
        let done = self.runtime.block_on(self.call_below(below, method, path, Some(body)));
        done.expect("a server that has roles");
    }

    /// The administrator's token, as the server of Airflow 3 gave it.
    pub(crate) fn bearer(&self) -> String {
        self.runtime.block_on(self.token()).expect("a token")
    }

    /// Waits until the DAG is loaded and active.
    pub(crate) fn wait_for_dag(&self, dag_id: &str) {
        self.wait(&format!("DAG {dag_id} to be loaded"), Duration::from_mins(2), || {
            let dag = self.get(&format!("/dags/{dag_id}")).ok()?;
            let active = if self.release.major() == 2 { dag["is_active"] == true } else { dag["is_stale"] == false };
            // A DAG is listed a moment before its tasks are stored.
            (active && self.get(&format!("/dags/{dag_id}/tasks")).is_ok()).then_some(())
        });
    }

    /// Waits until the DAG has these tasks: its latest file has been read.
    pub(crate) fn wait_for_tasks(&self, dag_id: &str, task_ids: &[&str]) {
        self.wait_for_tasks_of(dag_id, &[task_ids]);
    }

    /// Waits until the DAG has the tasks of one of these; which one.
    pub(crate) fn wait_for_tasks_of(&self, dag_id: &str, either: &[&[&str]]) -> usize {
        self.wait(&format!("DAG {dag_id} to have one of {either:?}"), Duration::from_mins(2), || {
            let answer = self.get(&format!("/dags/{dag_id}/tasks")).ok()?;
            let mut found: Vec<&str> =
                answer["tasks"].as_array()?.iter().filter_map(|task| task["task_id"].as_str()).collect();
            found.sort_unstable();
            either.iter().position(|task_ids| *task_ids == found)
        })
    }

    /// Waits until the server has noticed that the DAG's file is gone.
    pub(crate) fn wait_until_stale(&self, dag_id: &str) {
        self.wait(&format!("DAG {dag_id} to be stale"), Duration::from_mins(2), || {
            let dag = self.get(&format!("/dags/{dag_id}")).ok()?;
            (dag["is_active"] == false || dag["is_stale"] == true).then_some(())
        });
    }

    /// Starts a run; returns its id.
    pub(crate) fn trigger(&self, dag_id: &str, run_id: &str) -> String {
        let mut body = json!({ "dag_run_id": run_id });
        if self.release.major() == 3 {
            body["logical_date"] = Value::Null;
        }
        self.wait(&format!("run {run_id} of {dag_id}"), Duration::from_secs(20), || {
            match self.post(&format!("/dags/{dag_id}/dagRuns"), &body) {
                Ok(run) => run["dag_run_id"].as_str().map(str::to_string),
                Err(error) if error.contains("409") => Some(run_id.to_string()),
                Err(_) => None,
            }
        })
    }

    /// The state of a run.
    pub(crate) fn run_state(&self, dag_id: &str, run_id: &str) -> Option<String> {
        let run = self.get(&format!("/dags/{dag_id}/dagRuns/{run_id}")).ok()?;
        run["state"].as_str().map(str::to_string)
    }

    /// All task instances of a run.
    pub(crate) fn task_instances(&self, dag_id: &str, run_id: &str) -> States {
        let path = format!("/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100");
        let answer = self.get(&path).unwrap_or_default();
        let rows = answer["task_instances"].as_array().cloned().unwrap_or_default();
        rows.iter()
            .filter_map(|row| {
                let key = (row["task_id"].as_str()?.to_string(), row["map_index"].as_i64()?);
                Some((key, row["state"].as_str().map(str::to_string)))
            })
            .collect()
    }

    /// Waits until a task instance (index −1: not mapped) is in one of these states.
    pub(crate) fn wait_for_task(&self, dag_id: &str, run_id: &str, task: (&str, i64), states: &[&str]) {
        let key = (task.0.to_string(), task.1);
        self.wait(&format!("{dag_id} {run_id} {task:?} to be {states:?}"), Duration::from_mins(3), || {
            let state = self.task_instances(dag_id, run_id).get(&key).cloned()?;
            states.contains(&state.as_deref().unwrap_or("none")).then_some(())
        });
    }

    /// Waits until a run is over; returns its state.
    pub(crate) fn wait_for_end(&self, dag_id: &str, run_id: &str) -> String {
        self.wait(&format!("{dag_id} {run_id} to end"), Duration::from_mins(4), || {
            self.run_state(dag_id, run_id).filter(|state| matches!(state.as_str(), "success" | "failed"))
        })
    }

    /// Lets the DAG run, or stops it.
    pub(crate) fn set_paused(&self, dag_id: &str, paused: bool) {
        self.patch(&format!("/dags/{dag_id}"), &json!({ "is_paused": paused })).expect("a DAG that is there");
    }

    /// Asks until there is an answer; what the server said last is in the failure.
    pub(crate) fn wait<T>(&self, what: &str, limit: Duration, mut answer: impl FnMut() -> Option<T>) -> T {
        let end = Instant::now() + limit;
        loop {
            if let Some(answer) = answer() {
                return answer;
            }
            assert!(
                Instant::now() < end,
                "waited {} s for {what}; import errors: {}",
                limit.as_secs(),
                self.get("/importErrors").unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    fn call(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let below = if self.release.major() == 2 { "api/v1" } else { "api/v2" };
        self.runtime.block_on(self.call_below(below, method, path, body))
    }

    async fn call_below(
        &self,
        below: &str,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, String> {
        let mut request = self.http.request(method.clone(), format!("{}/{below}{path}", self.url));
        if self.release.major() == 2 {
            request = request.basic_auth(ADMIN, Some(ADMIN));
        } else {
            request = request.bearer_auth(self.token().await?);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| error.to_string())?;
        let status = response.status();
        if status == 401 {
            self.token.lock().expect("no panic holds it").take();
        }
        let text = response.text().await.map_err(|error| error.to_string())?;
        if !status.is_success() {
            return Err(format!("{method} {path}: {status} {text}"));
        }
        serde_json::from_str(&text).map_err(|error| format!("{method} {path}: {error}"))
    }

    async fn token(&self) -> Result<String, String> {
        if let Some(token) = self.token.lock().expect("no panic holds it").clone() {
            return Ok(token);
        }
        let body = json!({ "username": ADMIN, "password": ADMIN });
        let request = self.http.post(format!("{}/auth/token", self.url)).json(&body);
        let response = request.send().await.map_err(|error| error.to_string())?;
        let answer: Value = response.json().await.map_err(|error| error.to_string())?;
        let token = answer["access_token"].as_str().ok_or("no token")?.to_string();
        *self.token.lock().expect("no panic holds it") = Some(token.clone());
        Ok(token)
    }
}

fn role_body(role: &str, may_read: &[&str]) -> Value {
    let action = |what: &&str| json!({ "action": { "name": "can_read" }, "resource": { "name": what } });
    json!({ "name": role, "actions": may_read.iter().map(action).collect::<Vec<_>>() })
}
