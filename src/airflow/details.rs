//! What is looked up beside the runs in flight, each by itself: what one of them lacks (a permission,
//! a release that has it, time) is said of that one alone.

use super::client::Client;
use super::error::{Api, Error};
use super::wire;
use crate::facts::{
    Answer, Asset, DagFacts, Details, Extra, ImportError, LiveTask, OfDag, Questions, Seen, StoredType, StoredTypes,
    StoredValue, TaskInstance, ValueKind,
};
use crate::ids::{DagId, MapIndex, RunId, TaskId};
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// DAGs that are asked for one by one.
const MOST_DAGS: usize = 50;
/// Runs whose stored values are looked at, each with a call for the keys.
const MOST_RUNS: usize = 10;
/// Stored values of one task, each with a call.
const MOST_VALUES: usize = 20;
/// Pages of 100.
const MOST_PAGES: usize = 10;
const PAGE: usize = 100;
/// Runs whose durations are looked at.
const EARLIER_RUNS: &str = "10";

/// The DAGs as far as they were seen.
type Dags = BTreeMap<DagId, Seen<DagFacts>>;

/// What is said of everything before it is asked.
pub(super) fn not_checked(questions: &Questions, dags: &Dags, reason: &str) -> Details {
    let mut details = Details::default();
    for extra in &questions.extras {
        match extra {
            Extra::Tasks => details.tasks = of_each(questions, dags, reason),
            Extra::Durations => details.durations = of_each(questions, dags, reason),
            Extra::ImportErrors => details.import_errors = Some(not(reason)),
            Extra::Assets => details.assets = Some(not(reason)),
        }
    }
    let values = questions.values.iter();
    details.values = values.map(|value| StoredTypes { value: value.clone(), types: not(reason) }).collect();
    details
}

/// Asks for everything that is in `details`; what has an answer when time is up keeps it.
pub(super) async fn ask(client: &mut Client<'_>, dags: &mut Dags, details: &mut Details) {
    for (number, OfDag { dag_id, answer }) in details.tasks.iter_mut().enumerate() {
        *answer = if number < MOST_DAGS { tasks(client, dag_id).await } else { too_many(MOST_DAGS, "DAGs") };
    }
    for (number, OfDag { dag_id, answer }) in details.durations.iter_mut().enumerate() {
        *answer = if number < MOST_DAGS { durations(client, dag_id).await } else { too_many(MOST_DAGS, "DAGs") };
    }
    if let Some(answer) = &mut details.import_errors {
        *answer = import_errors(client).await;
    }
    if let Some(answer) = &mut details.assets {
        *answer = assets(client).await;
    }
    for stored in &mut details.values {
        if let Some(Seen::Known(dag)) = dags.get_mut(&stored.value.dag_id) {
            stored.types = stored_types(client, &stored.value, dag).await;
        }
    }
}

/// The DAGs that are asked for one by one, still without an answer.
fn of_each<T>(questions: &Questions, dags: &Dags, reason: &str) -> Vec<OfDag<T>> {
    let has_runs = |dag: &Seen<DagFacts>| matches!(dag, Seen::Known(dag) if !dag.runs.is_empty());
    let running = dags.iter().filter(|(_, dag)| questions.all_dags && has_runs(dag)).map(|(dag_id, _)| dag_id);
    let wanted: BTreeSet<&DagId> = questions.dags.iter().chain(running).collect();
    wanted.into_iter().map(|dag_id| OfDag { dag_id: dag_id.clone(), answer: not(reason) }).collect()
}

fn not<T>(reason: &str) -> Answer<T> {
    Answer::NotChecked(reason.into())
}

fn too_many<T>(most: usize, what: &str) -> Answer<T> {
    not(&format!("more than {most} {what}"))
}

/// Why an answer could not be had.
fn without<T>(error: &Error, what: &str) -> Answer<T> {
    match error {
        Error::Forbidden { .. } => not(&format!("these credentials may not read {what}")),
        error => not(&error.reason()),
    }
}

#[derive(Deserialize)]
struct TaskList {
    tasks: Vec<Task>,
}

#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names are those on the wire")]
struct Task {
    task_id: TaskId,
    class_ref: ClassRef,
    #[serde(default)]
    is_mapped: bool,
}

#[derive(Deserialize)]
struct ClassRef {
    class_name: String,
    module_path: Option<String>,
}

async fn tasks(client: &mut Client<'_>, dag_id: &DagId) -> Answer<Vec<LiveTask>> {
    match client.get::<TaskList>(&["dags", dag_id.as_str(), "tasks"], &[]).await {
        Ok(list) => {
            let mut tasks: Vec<LiveTask> = list
                .tasks
                .into_iter()
                .map(|task| LiveTask {
                    task_id: task.task_id,
                    operator: task.class_ref.class_name,
                    module: task.class_ref.module_path,
                    is_mapped: task.is_mapped,
                })
                .collect();
            tasks.sort_by(|a, b| a.task_id.cmp(&b.task_id));
            Answer::Checked(tasks)
        }
        Err(Error::Missing { .. }) => not("the server does not know the DAG"),
        Err(error) => without(&error, "tasks"),
    }
}

#[derive(Deserialize)]
struct RunList {
    dag_runs: Vec<EarlierRun>,
}

#[derive(Deserialize)]
struct EarlierRun {
    start_date: Option<String>,
    end_date: Option<String>,
}

async fn durations(client: &mut Client<'_>, dag_id: &DagId) -> Answer<Vec<u64>> {
    let query = [("state", "success"), ("order_by", "-start_date"), ("limit", EARLIER_RUNS)];
    match client.get::<RunList>(&["dags", dag_id.as_str(), "dagRuns"], &query).await {
        Ok(list) => {
            let taken = list.dag_runs.iter().filter_map(|run| {
                let time = |text: &Option<String>| wire::timestamp(text.as_deref());
                let taken = time(&run.end_date)?.duration_since(time(&run.start_date)?);
                u64::try_from(taken.as_millis()).ok()
            });
            Answer::Checked(taken.collect())
        }
        Err(Error::Missing { .. }) => not("the server does not know the DAG"),
        Err(error) => without(&error, "runs"),
    }
}

/// A page of a list, by the list's name.
struct Page<T> {
    rows: Vec<T>,
    total: usize,
}

impl<T: DeserializeOwned> Page<T> {
    async fn get(client: &mut Client<'_>, parts: &[&str], list: &str, offset: usize) -> Result<Self, Error> {
        let (limit, offset) = (PAGE.to_string(), offset.to_string());
        let mut rows = Vec::new();
        let each = |row: &[u8]| serde_json::from_slice(row).map(|row: serde_json::Value| rows.push(row));
        let query = [("limit", limit.as_str()), ("offset", offset.as_str())];
        let (_, total) = client.get_list(parts, &query, list, each).await?;
        let rows = rows.into_iter().map(serde_json::from_value).collect::<Result<Vec<T>, _>>();
        let rows = rows.map_err(|error| Error::Unreadable { url: list.to_string(), problem: error.to_string() })?;
        Ok(Self { rows, total })
    }
}

/// All pages of a list that does not move much.
async fn pages<T: DeserializeOwned>(client: &mut Client<'_>, parts: &[&str], list: &str) -> Result<Vec<T>, Error> {
    let mut all: Vec<T> = Vec::new();
    for _ in 0..MOST_PAGES {
        let page = Page::get(client, parts, list, all.len()).await?;
        let is_last = page.rows.is_empty();
        all.extend(page.rows);
        if is_last || all.len() >= page.total {
            return Ok(all);
        }
    }
    Err(Error::Incomplete { url: list.to_string(), rows: all.len(), total: usize::MAX })
}

#[derive(Deserialize)]
struct ImportErrorRow {
    filename: Option<String>,
    bundle_name: Option<String>,
    stack_trace: Option<String>,
    timestamp: Option<String>,
}

async fn import_errors(client: &mut Client<'_>) -> Answer<Vec<ImportError>> {
    match pages::<ImportErrorRow>(client, &["importErrors"], "import_errors").await {
        Ok(rows) => {
            let errors = rows.into_iter().filter_map(|row| {
                Some(ImportError {
                    file: row.filename?,
                    bundle: row.bundle_name,
                    exception: row.stack_trace.as_deref().and_then(exception),
                    at: wire::timestamp(row.timestamp.as_deref()),
                })
            });
            Answer::Checked(errors.collect())
        }
        Err(Error::Incomplete { .. }) => not("more than 1,000 of them"),
        Err(error) => without(&error, "import errors"),
    }
}

/// The class of the exception that ends a trace.
fn exception(trace: &str) -> Option<String> {
    let last = trace.lines().rev().find(|line| !line.trim().is_empty())?;
    let name = last.split(':').next()?.trim();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
    is_name.then(|| name.to_string())
}

#[derive(Deserialize)]
struct AssetRow {
    uri: String,
    #[serde(default)]
    producing_tasks: Vec<Producer>,
    /// v1.
    #[serde(default)]
    consuming_dags: Vec<Consumer>,
    /// v2; 3.0 still has the word of v1.
    #[serde(default)]
    scheduled_dags: Vec<Consumer>,
}

#[derive(Deserialize)]
struct Producer {
    dag_id: DagId,
    task_id: TaskId,
}

#[derive(Deserialize)]
struct Consumer {
    dag_id: DagId,
}

async fn assets(client: &mut Client<'_>) -> Answer<Vec<Asset>> {
    let (path, list) = if client.api == Api::V1 { ("datasets", "datasets") } else { ("assets", "assets") };
    match pages::<AssetRow>(client, &[path], list).await {
        Ok(rows) => {
            let asset = |row: AssetRow| Asset {
                uri: row.uri,
                producers: row.producing_tasks.into_iter().map(|task| (task.dag_id, task.task_id)).collect(),
                consumers: row.consuming_dags.into_iter().chain(row.scheduled_dags).map(|dag| dag.dag_id).collect(),
            };
            Answer::Checked(rows.into_iter().map(asset).collect())
        }
        Err(Error::Incomplete { .. }) => not("more than 1,000 of them"),
        Err(Error::Missing { .. } | Error::NotAirflow { .. }) => not("this release has none"),
        Err(error) => without(&error, list),
    }
}

#[derive(Deserialize)]
struct XComRow {
    key: String,
    /// Not on 2.6.
    map_index: Option<i64>,
}

#[derive(Deserialize)]
struct XComValue {
    value: Kind,
}

/// The type of a value, which itself is dropped as it is read.
struct Kind(ValueKind);

/// The types of what the finished instances of a task have stored, and their keys on the way.
async fn stored_types(client: &mut Client<'_>, stored: &StoredValue, dag: &mut DagFacts) -> Answer<Vec<StoredType>> {
    let has_stored = |task: &TaskInstance| task.task_id == stored.task_id && task.state.word() == Some("success");
    let of_runs = dag.runs.iter().map(|run| run.task_instances.iter().filter(|task| has_stored(task)).count());
    let of_runs: Vec<usize> = of_runs.filter(|instances| *instances > 0).collect();
    // Before anything is asked: a part of the types would settle nothing.
    if of_runs.len() > MOST_RUNS {
        return too_many(MOST_RUNS, "runs have stored it");
    }
    if of_runs.iter().sum::<usize>() > MOST_VALUES {
        return too_many(MOST_VALUES, "task instances have stored it");
    }
    let mut types = Vec::new();
    for run in &mut dag.runs {
        let finished: Vec<&mut TaskInstance> = run.task_instances.iter_mut().filter(|task| has_stored(task)).collect();
        if finished.is_empty() {
            continue;
        }
        let keys = match keys(client, stored, &run.run_id, finished.len()).await {
            Ok(keys) => keys,
            Err(answer) => return answer,
        };
        for task in finished {
            let keys = keys.get(&task.map_index).cloned().unwrap_or_default();
            let has_it = keys.contains(&stored.key);
            task.xcom_keys = Answer::Checked(keys);
            if !has_it {
                continue;
            }
            match kind(client, stored, &run.run_id, task.map_index).await {
                Ok(kind) => {
                    types.push(StoredType { run_id: run.run_id.clone(), map_index: task.map_index, kind });
                }
                Err(answer) => return answer,
            }
        }
    }
    Answer::Checked(types)
}

fn entries<'a>(stored: &'a StoredValue, run_id: &'a RunId) -> [&'a str; 7] {
    let (dag_id, task_id) = (stored.dag_id.as_str(), stored.task_id.as_str());
    ["dags", dag_id, "dagRuns", run_id.as_str(), "taskInstances", task_id, "xcomEntries"]
}

/// The keys that each instance of a task has stored in a run.
async fn keys<T>(
    client: &mut Client<'_>,
    stored: &StoredValue,
    run_id: &RunId,
    instances: usize,
) -> Result<BTreeMap<MapIndex, BTreeSet<String>>, Answer<T>> {
    let rows = match pages::<XComRow>(client, &entries(stored, run_id), "xcom_entries").await {
        Ok(rows) => rows,
        Err(Error::Incomplete { .. }) => return Err(not("more than 1,000 of them in one run")),
        Err(error) => return Err(without(&error, "XComs")),
    };
    let mut keys: BTreeMap<MapIndex, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        let index = match row.map_index {
            Some(index) => MapIndex(index),
            None if instances == 1 => MapIndex::NOT_MAPPED,
            None => return Err(not("this release does not say which instance of a mapped task stored a value")),
        };
        keys.entry(index).or_default().insert(row.key);
    }
    Ok(keys)
}

/// The type of one stored value. A release that gives values as text alone says nothing of it: the
/// text `[1]` may be a list's or a text's own.
async fn kind<T>(
    client: &mut Client<'_>,
    stored: &StoredValue,
    run_id: &RunId,
    index: MapIndex,
) -> Result<ValueKind, Answer<T>> {
    let entries = entries(stored, run_id);
    let parts: Vec<&str> = entries.into_iter().chain([stored.key.as_str()]).collect();
    let place = index.0.to_string();
    let mut query = vec![("stringify", "false")];
    if index != MapIndex::NOT_MAPPED {
        query.push(("map_index", &place));
    }
    match client.get::<XComValue>(&parts, &query).await {
        Ok(answer) => Ok(answer.value.0),
        Err(Error::Rejected { status: 400, .. }) if client.api == Api::V1 => {
            Err(not("this release gives stored values as text alone"))
        }
        Err(error) => Err(without(&error, "XComs")),
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfAny;

        impl<'de> Visitor<'de> for OfAny {
            type Value = ValueKind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_unit<E>(self) -> Result<ValueKind, E> {
                Ok(ValueKind::Null)
            }

            fn visit_bool<E>(self, _: bool) -> Result<ValueKind, E> {
                Ok(ValueKind::Boolean)
            }

            fn visit_i64<E>(self, _: i64) -> Result<ValueKind, E> {
                Ok(ValueKind::Number)
            }

            fn visit_u64<E>(self, _: u64) -> Result<ValueKind, E> {
                Ok(ValueKind::Number)
            }

            fn visit_f64<E>(self, _: f64) -> Result<ValueKind, E> {
                Ok(ValueKind::Number)
            }

            fn visit_str<E>(self, _: &str) -> Result<ValueKind, E> {
                Ok(ValueKind::String)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ValueKind, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(ValueKind::Array)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ValueKind, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(ValueKind::Object)
            }
        }
        deserializer.deserialize_any(OfAny).map(Kind)
    }
}
