//! What a snapshot costs the client: calls, bytes, processor time and memory, against a server in
//! the parent process that gives rows in the shapes of real ones (`shapes/`, one recorded row of
//! each kind and release).

use super::http::{answer, listen};
use super::memory;
use dagguard::airflow::{Access, BaseUrl, Credentials, Values, ask, write_runs};
use dagguard::facts::{Describe, Facts, Questions, Seen};
use dagguard::ids::InstanceName;
use dagguard::secret::Secret;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::{Command, ExitCode};

/// The argument by which this program knows that it is the client.
pub(crate) const CHILD: &str = "--ask";

/// Task instances of each run; every tenth of them is deferred.
const TASKS: usize = 20;
/// What the server has beside them: with 200 runs, the installation that was measured.
const DAGS: usize = 500;
/// The begin of the first run; one begins each minute.
const FIRST: &str = "2026-11-20T00:00:00Z";

/// What one pass cost the client.
pub(crate) struct Cost {
    pub(crate) calls: usize,
    pub(crate) bytes: usize,
    /// Of processor time.
    pub(crate) microseconds: u64,
    /// Peak with the facts alone, and with the file of them.
    pub(crate) kib: usize,
    pub(crate) kib_written: usize,
}

/// Asks a server of that size in a process of its own.
pub(crate) fn cost(release: &str, task_instances: usize) -> Option<Cost> {
    let server = Server::of(release, task_instances / TASKS)?;
    let program = std::env::current_exe().ok()?;
    let output = Command::new(program).args([CHILD, &server.start()]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let figures: Vec<u64> = text.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    let [seen, calls, bytes, microseconds, kib, kib_written] = figures[..] else {
        eprintln!("{text}{}", String::from_utf8_lossy(&output.stderr));
        return None;
    };
    assert_eq!(usize::try_from(seen).ok()?, task_instances, "Airflow {release}");
    Some(Cost {
        calls: usize::try_from(calls).ok()?,
        bytes: usize::try_from(bytes).ok()?,
        microseconds,
        kib: usize::try_from(kib).ok()?,
        kib_written: usize::try_from(kib_written).ok()?,
    })
}

/// The client: task instances seen, calls, bytes, microseconds, and the two peaks.
pub(crate) fn child(url: &str) -> ExitCode {
    let url = BaseUrl::parse(url).expect("the parent's URL");
    let access = Access::new(InstanceName::from("bench"), url, Credentials::Bearer(Secret::new("t").into()));
    let questions = Questions { all_dags: true, describe: Describe::Cheaply, ..Questions::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let before = on_processor();
    let instance = runtime.block_on(ask(&access, &questions));
    let after = on_processor();
    let kib = memory::peak();
    if instance.others != Seen::Known(()) {
        eprintln!("{:?}", instance.others);
        return ExitCode::FAILURE;
    }
    let known = instance.dags.values().filter_map(|dag| if let Seen::Known(dag) = dag { Some(dag) } else { None });
    let seen: usize = known.flat_map(|dag| &dag.runs).map(|run| run.task_instances.len()).sum();
    let facts = Facts { taken_at: None, instances: vec![instance] };
    let written = write_runs(&facts, Values::Without);
    let (Some(before), Some(after), Some(kib), Ok(_), Some(kib_written)) =
        (before, after, kib, written, memory::peak())
    else {
        return ExitCode::FAILURE;
    };
    let cost = access.memory.cost();
    println!("{seen} {} {} {} {kib} {kib_written}", cost.calls, cost.bytes, (after - before) / 1_000);
    ExitCode::SUCCESS
}

/// Nanoseconds that the first thread of this process was on a processor, as Linux tells them; the
/// client has no other that works.
fn on_processor() -> Option<u64> {
    std::fs::read_to_string("/proc/self/schedstat").ok()?.split_whitespace().next()?.parse().ok()
}

/// The shapes of a release, as texts with the places that differ.
struct Server {
    v1: bool,
    release: String,
    runs: usize,
    task_instance: String,
    deferred: String,
    dag_run: String,
    dag: String,
}

/// What stands for an id until a row is made.
const DAG: &str = "<dag>";
const RUN: &str = "<run>";
const TASK: &str = "<task>";
const DATE: &str = "<date>";

impl Server {
    fn of(release: &str, runs: usize) -> Option<Self> {
        let shapes = match release {
            "2.6.2" => include_str!("shapes/2.6.2.json"),
            "2.11.2" => include_str!("shapes/2.11.2.json"),
            "3.3.2" => include_str!("shapes/3.3.2.json"),
            _ => return None,
        };
        let shapes: Value = serde_json::from_str(shapes).ok()?;
        let v1 = release.starts_with('2');
        let shape = |name: &str| {
            let mut row = shapes[name].clone();
            row["dag_id"] = json!(DAG);
            if row.get("dag_run_id").is_some() {
                row["dag_run_id"] = json!(RUN);
            }
            if name == "task_instance" || name == "deferred" {
                row["task_id"] = json!(TASK);
                // What a usual operator shows of its templates: the bulk of the bytes.
                row["rendered_fields"]["sql"] = json!("select a, b from c where d = e ".repeat(8));
            }
            for date in ["logical_date", "execution_date"].iter().filter(|_| v1) {
                if row.get(date).is_some() {
                    row[date] = json!(DATE);
                }
            }
            row.to_string()
        };
        Some(Self {
            v1,
            release: release.to_string(),
            runs,
            task_instance: shape("task_instance"),
            deferred: shape("deferred"),
            dag_run: shape("dag_run"),
            dag: shape("dag"),
        })
    }

    /// Answers until this process ends; the URL.
    fn start(self) -> String {
        listen(move |request, stream| {
            let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
            let (status, text) = self.answer(&request.target, &body);
            answer(stream, status, &text)
        })
    }

    fn answer(&self, target: &str, body: &Value) -> (u16, String) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let Some(path) = path.strip_prefix(if self.v1 { "/api/v1/" } else { "/api/v2/" }) else {
            return (404, "<html></html>".to_string());
        };
        match path {
            "version" => (200, json!({ "version": self.release }).to_string()),
            "dags" => {
                let offset = query.split('&').find_map(|pair| pair.strip_prefix("offset="));
                let offset: usize = offset.and_then(|offset| offset.parse().ok()).unwrap_or(0);
                let rows = (offset..DAGS.min(offset + 100)).map(|number| self.dag.replace(DAG, &dag(number)));
                (200, list("dags", &rows.collect::<Vec<_>>(), DAGS))
            }
            "dags/~/dagRuns/list" => {
                let rows = (0..self.runs).map(|number| self.row(&self.dag_run, number));
                (200, list("dag_runs", &rows.collect::<Vec<_>>(), self.runs))
            }
            "dags/~/dagRuns/~/taskInstances/list" => {
                let wanted = self.wanted(body);
                let rows: Vec<String> = wanted
                    .into_iter()
                    .flat_map(|number| {
                        (0..TASKS).map(move |task| {
                            let shape = if task % 10 == 9 { &self.deferred } else { &self.task_instance };
                            self.row(shape, number).replace(TASK, &format!("extract_part_{task}"))
                        })
                    })
                    .collect();
                (200, list("task_instances", &rows, rows.len()))
            }
            _ => (404, json!({ "detail": "no such thing" }).to_string()),
        }
    }

    /// The runs that a list of task instances is asked for.
    fn wanted(&self, body: &Value) -> Vec<usize> {
        if let Some(ids) = body["dag_run_ids"].as_array() {
            let ids: BTreeSet<&str> = ids.iter().filter_map(Value::as_str).collect();
            return (0..self.runs).filter(|number| ids.contains(run(*number).as_str())).collect();
        }
        let limit = |name: &str| body[name].as_str().and_then(|date| date.parse::<jiff::Timestamp>().ok());
        let (first, last) = (limit("execution_date_gte"), limit("execution_date_lte"));
        (0..self.runs).filter(|number| Some(begin(*number)) >= first && Some(begin(*number)) <= last).collect()
    }

    fn row(&self, shape: &str, number: usize) -> String {
        let text = shape.replace(DAG, &dag(number % DAGS)).replace(RUN, &run(number));
        if self.v1 { text.replace(DATE, &begin(number).to_string()) } else { text }
    }
}

fn dag(number: usize) -> String {
    format!("team_{}_pipeline_{number}", number % 7)
}

fn run(number: usize) -> String {
    format!("scheduled__{}", begin(number))
}

fn begin(number: usize) -> jiff::Timestamp {
    let first: jiff::Timestamp = FIRST.parse().expect("a time");
    first + jiff::SignedDuration::from_mins(i64::try_from(number).unwrap_or(0))
}

fn list(name: &str, rows: &[String], total: usize) -> String {
    format!("{{\"{name}\": [{}], \"total_entries\": {total}}}", rows.join(", "))
}
