//! What is in flight on one instance, by few calls that agree with each other.
//!
//! Runs first, then the DAGs, then the runs' task instances, then the runs again: nothing is
//! transactional across calls, so the second list shows whether the first still holds. Silence
//! is never idleness: lists are silently cut to what the credentials may read (measured on all
//! releases), so a DAG counts as seen only if asking for it by name says so.
//!
//! | `GET /dags/{dag_id}` | means |
//! | --- | --- |
//! | 200 | these credentials read it: its runs are those of the list, be it active or stale |
//! | 404 | the server does not know it, so it has no runs: credentials limited to some DAGs get a 403 for a DAG that does not exist (measured), hence a 404 also shows that they read all |
//! | 403 | not visible |
//! | anything else | not known, with the reason |
//!
//! The same statuses come from the provider FAB on Airflow 3 (measured on 3.3.2 with 3.10.1): a role
//! of one DAG gets 403 for every other, be it there or not, and lists cut to its DAG; who has the
//! permission for DAGs and none for all runs gets 403 for lists. But it answers by name from
//! permissions that it keeps for 30 s (`[fab] cache_ttl`), and reads them anew for lists: for up to
//! 30 s after a permission has been taken away, which the delivery of a DAG without its
//! `access_control` does, the name is a 200 and the list of runs empty. So on API v2 a DAG is
//! looked up in the list of DAGs, which is cut as that of runs is. What this does not see is the
//! permission for *all* DAGs taken away less than 30 s ago, where more than a few are asked for.

use super::client::Client;
use super::error::{Api, Error};
use super::wire::{self, DagList, DagRun, TaskInstanceRow, Texts};
use crate::facts::{DagFacts, Describe, Questions, Run, Seen, TaskInstance};
use crate::ids::{DagId, RunId};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One list of runs; `POST` is not capped by the server's `maximum_page_limit`, `GET` is.
const RUNS_A_PAGE: usize = 10_000;
/// 4,000 rows were 4.5 MB and up to 3 s of the server's time (measured); more goes in parts.
const ROWS_A_CALL: usize = 5_000;
/// Runs whose task instances are asked for at once.
const RUNS_A_CALL: usize = 200;
/// From here on, pages of all DAGs cost less than a call for each.
const DAGS_ONE_BY_ONE: usize = 8;
/// What is asked for in one page of DAGs; servers cut it to their own cap, which is 100 unless it
/// was raised.
const DAGS_A_PAGE: usize = 1_000;
/// What an instance may be asked, from finding its version and logging in to the last list, before
/// descriptions of DAGs are left out.
const MOST_CALLS: usize = 9;
/// Readings of the whole before the union of what was seen is taken.
const READINGS: usize = 3;
/// A DAG that no server has; whether it is *missing* or *forbidden* shows what credentials read.
/// Without a dot: Airflow 2 takes that for a sub-DAG and fails (500) where it is not there.
pub(super) const NO_SUCH_DAG: &str = "dagguard_probe_this_dag_does_not_exist";

/// What [`read`] found.
pub(super) struct Found {
    pub(super) dags: BTreeMap<DagId, Seen<DagFacts>>,
    pub(super) others: Seen<()>,
}

/// The key of a run.
type RunKey = (DagId, RunId);

/// How task instances of certain runs are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// `dag_run_ids`.
    RunIds,
    /// A window of logical dates: 2.6.2 refuses `dag_run_ids`.
    LogicalDates,
}

/// Reads everything that the questions are about.
pub(super) async fn read(client: &mut Client<'_>, questions: &Questions) -> Result<Found, Error> {
    if questions.dags.is_empty() && !questions.all_dags {
        let others = Seen::Unavailable("not asked".to_string());
        return Ok(Found { dags: BTreeMap::new(), others });
    }
    let mut by = if client.api == Api::V1 && client.is_older_than(2, 7) { By::LogicalDates } else { By::RunIds };
    let mut runs: BTreeMap<RunKey, Run> = BTreeMap::new();
    let mut listed = list_runs(client, questions).await?;
    let (mut visible, others) = visibility(client, questions, &listed).await?;
    let had_runs: BTreeSet<DagId> = listed.iter().map(|run| DagId::new(run.dag_id.as_str())).collect();
    for reading in 1..=READINGS {
        read_runs(client, &listed, &mut by, &mut runs).await?;
        let again = list_runs(client, questions).await?;
        if states(&listed) == states(&again) {
            // Nothing moved: this reading alone is the answer.
            let still: BTreeSet<RunKey> = again.iter().map(DagRun::key).collect();
            runs.retain(|key, _| still.contains(key));
            break;
        }
        tracing::debug!(reading, "runs moved while they were read");
        if reading == READINGS {
            // The cautious answer: every run that was in flight at any reading, and those that
            // came last, whose task instances have not been read yet.
            let new: Vec<DagRun> = again.into_iter().filter(|row| !runs.contains_key(&row.key())).collect();
            read_runs(client, &new, &mut by, &mut runs).await?;
            break;
        }
        listed = again;
    }
    // Runs are gone from a list when they have ended, and when they may not be read any more.
    for dag_id in questions.dags.intersection(&had_runs) {
        let runs_are_gone = !runs.keys().any(|(of, _)| of == dag_id);
        if runs_are_gone && matches!(visible.get(dag_id), Some(Seen::Known(_))) {
            visible.insert(dag_id.clone(), readable(client, dag_id).await);
        }
    }
    Ok(join(visible, others, runs))
}

/// Reads the task instances of the listed runs and puts the runs in, over what was read before.
async fn read_runs(
    client: &mut Client<'_>,
    listed: &[DagRun],
    by: &mut By,
    runs: &mut BTreeMap<RunKey, Run>,
) -> Result<(), Error> {
    let rows = task_instances(client, listed, by).await?;
    for (row, rows) in listed.iter().zip(rows) {
        let mut run = row.clone().facts();
        run.task_instances = rows;
        runs.insert(row.key(), run);
    }
    Ok(())
}

/// Runs to their DAGs. A run in flight shows its DAG, known to `/dags` or not; what the
/// credentials may not read stays invisible, even where a list leaks a part of it (2.6.2).
fn join(mut dags: BTreeMap<DagId, Seen<DagFacts>>, others: Seen<()>, runs: BTreeMap<RunKey, Run>) -> Found {
    for ((dag_id, _), run) in runs {
        if let Seen::Known(facts) = dags.entry(dag_id).or_insert_with(|| Seen::Known(DagFacts::default())) {
            facts.runs.push(run);
        }
    }
    Found { dags, others }
}

impl DagRun {
    fn key(&self) -> RunKey {
        (DagId::new(self.dag_id.as_str()), RunId::new(self.dag_run_id.as_str()))
    }

    /// Whether it counts as in flight: whatever is not known to be over.
    fn in_flight(&self) -> bool {
        match self.state.as_str() {
            "running" | "queued" => true,
            "success" | "failed" => false,
            state => {
                tracing::warn!(
                    dag_id = self.dag_id,
                    run_id = self.dag_run_id,
                    state,
                    "run has a state that this program does not know; it counts as in flight"
                );
                true
            }
        }
    }
}

fn states(runs: &[DagRun]) -> BTreeSet<(&str, &str, &str)> {
    runs.iter().map(|run| (run.dag_id.as_str(), run.dag_run_id.as_str(), run.state.as_str())).collect()
}

/// All runs in flight of the DAGs asked for. Never paged: the filter is on a column that changes,
/// and an offset over it loses rows (measured: 40 of 1,301).
async fn list_runs(client: &mut Client<'_>, questions: &Questions) -> Result<Vec<DagRun>, Error> {
    let mut limit = RUNS_A_PAGE;
    loop {
        let mut body = json!({ "states": ["running", "queued"], "page_limit": limit, "page_offset": 0 });
        if !questions.all_dags {
            body["dag_ids"] = questions.dags.iter().map(DagId::as_str).collect();
        }
        let mut runs: Vec<DagRun> = Vec::new();
        let each = |row: &[u8]| serde_json::from_slice(row).map(|run| runs.push(run));
        let (rows, total) = client.post_list(&["dags", "~", "dagRuns", "list"], &body, wire::RUNS, each).await?;
        if rows == total {
            runs.retain(DagRun::in_flight);
            return Ok(runs);
        }
        // More than one page holds is asked for once more, at once; anything else is a contradiction.
        if rows > total || limit > RUNS_A_PAGE || rows < limit {
            return Err(Error::Incomplete { url: "dagRuns/list".to_string(), rows, total });
        }
        limit = total + RUNS_A_PAGE;
    }
}

/// The task instances of these runs, finished ones too (their XComs feed the rest), in the order of
/// the runs.
///
/// Filters by DAG and by run are independent of each other, so rows of other runs come along;
/// they are dropped by the key. Parts are always whole runs.
async fn task_instances(
    client: &mut Client<'_>,
    runs: &[DagRun],
    by: &mut By,
) -> Result<Vec<Vec<TaskInstance>>, Error> {
    let mut wanted = Wanted::default();
    for (number, run) in runs.iter().enumerate() {
        wanted.0.entry(run.dag_id.as_str()).or_default().insert(run.dag_run_id.as_str(), number);
    }
    let mut texts = Texts::default();
    let mut found: Vec<Vec<TaskInstance>> = Vec::new();
    found.resize_with(runs.len(), Vec::new);
    let mut parts = parts(runs);
    parts.reverse();
    while let Some(part) = parts.pop() {
        match part_of_task_instances(client, &part, *by, &wanted, &mut texts).await {
            Ok(rows) => {
                for (number, row) in rows {
                    if let Some(run) = found.get_mut(number) {
                        run.push(row);
                    }
                }
            }
            Err(Error::Incomplete { .. } | Error::TooLarge { .. }) if part.len() > 1 => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.push(second.to_vec());
                parts.push(first.to_vec());
            }
            // A release between those measured may be one that does not know `dag_run_ids` yet.
            Err(Error::Rejected { status: 400, .. }) if client.api == Api::V1 && *by == By::RunIds => {
                *by = By::LogicalDates;
                parts.push(part);
            }
            Err(error) => return Err(error),
        }
    }
    found.iter_mut().for_each(once);
    Ok(found)
}

/// Runs whose task instances are wanted, by their keys, with their places in the list.
#[derive(Default)]
struct Wanted<'a>(BTreeMap<&'a str, BTreeMap<&'a str, usize>>);

impl Wanted<'_> {
    fn place(&self, row: &TaskInstanceRow<'_>) -> Option<usize> {
        self.0.get(&*row.dag_id)?.get(&*row.dag_run_id).copied()
    }
}

/// In order, and each once, as it came last: some servers give a row twice.
fn once(rows: &mut Vec<TaskInstance>) {
    rows.reverse();
    rows.sort_by(|a, b| (&a.task_id, a.map_index).cmp(&(&b.task_id, b.map_index)));
    rows.dedup_by(|a, b| (&a.task_id, a.map_index) == (&b.task_id, b.map_index));
    rows.shrink_to_fit();
}

/// Parts of whole runs, neighbours in time together: by logical dates an old run that hangs would
/// otherwise bring along all that finished since.
fn parts(runs: &[DagRun]) -> Vec<Vec<DagRun>> {
    const DAY: i64 = 24 * 60 * 60;
    let mut dated: Vec<(Option<i64>, &DagRun)> =
        runs.iter().map(|run| (wire::timestamp(run.logical_date.as_deref()).map(Timestamp::as_second), run)).collect();
    dated.sort_by_key(|(date, run)| (*date, run.key()));
    let mut parts: Vec<Vec<DagRun>> = Vec::new();
    let mut before = None;
    for (date, run) in dated {
        let near = match (before, date) {
            (Some(Some(before)), Some(date)) => date - before <= DAY,
            (Some(None), None) => true,
            _ => false,
        };
        match parts.last_mut() {
            Some(part) if near && part.len() < RUNS_A_CALL => part.push(run.clone()),
            _ => parts.push(vec![run.clone()]),
        }
        before = Some(date);
    }
    parts
}

/// Rows of a part, each with the place of its run.
async fn part_of_task_instances(
    client: &mut Client<'_>,
    part: &[DagRun],
    by: By,
    wanted: &Wanted<'_>,
    texts: &mut Texts,
) -> Result<Vec<(usize, TaskInstance)>, Error> {
    let mut limit = ROWS_A_CALL;
    loop {
        let body = task_instances_body(part, by, limit)?;
        let path = ["dags", "~", "dagRuns", "~", "taskInstances", "list"];
        let mut found = Vec::new();
        let each = |row: &[u8]| {
            let row: TaskInstanceRow<'_> = serde_json::from_slice(row)?;
            if let Some(place) = wanted.place(&row) {
                found.push((place, row.facts(texts)));
            }
            Ok(())
        };
        let (rows, total) = client.post_list(&path, &body, wire::TASK_INSTANCES, each).await?;
        // 2.6.2 gives all rows whatever the limit, which is as good.
        if rows == total {
            return Ok(found);
        }
        let contradiction = rows > total || rows < limit;
        if contradiction || part.len() > 1 || limit > ROWS_A_CALL {
            return Err(Error::Incomplete { url: "taskInstances/list".to_string(), rows, total });
        }
        // One run of more rows than that cannot be divided: it is asked for whole.
        limit = total + ROWS_A_CALL;
    }
}

/// The body of the request; unknown fields are refused by both APIs, so it is made for each.
fn task_instances_body(part: &[DagRun], by: By, limit: usize) -> Result<Value, Error> {
    let dag_ids: BTreeSet<&str> = part.iter().map(|run| run.dag_id.as_str()).collect();
    let mut body = json!({ "dag_ids": dag_ids, "page_limit": limit, "page_offset": 0 });
    match by {
        By::RunIds => {
            let run_ids: BTreeSet<&str> = part.iter().map(|run| run.dag_run_id.as_str()).collect();
            body["dag_run_ids"] = json!(run_ids);
        }
        By::LogicalDates => {
            let mut dates = Vec::new();
            for run in part {
                dates.push(wire::timestamp(run.logical_date.as_deref()).ok_or_else(|| Error::Unreadable {
                    url: "dagRuns/list".to_string(),
                    problem: "a run has no logical date".to_string(),
                })?);
            }
            let (first, last) = (dates.iter().min(), dates.iter().max());
            body["execution_date_gte"] = json!(first.map(ToString::to_string));
            body["execution_date_lte"] = json!(last.map(ToString::to_string));
        }
    }
    Ok(body)
}

/// Which of the DAGs asked for these credentials read, and whether they read all.
async fn visibility(
    client: &mut Client<'_>,
    questions: &Questions,
    listed: &[DagRun],
) -> Result<(BTreeMap<DagId, Seen<DagFacts>>, Seen<()>), Error> {
    let mut seen = BTreeMap::new();
    if !questions.all_dags && questions.dags.len() <= DAGS_ONE_BY_ONE {
        for dag_id in &questions.dags {
            seen.insert(dag_id.clone(), readable(client, dag_id).await);
        }
        return Ok((seen, Seen::Unavailable("not asked".to_string())));
    }
    let rest = match one_dag(client, &DagId::from(NO_SUCH_DAG)).await {
        Seen::Known(_) => Seen::Known(()),
        Seen::NotVisible => Seen::NotVisible,
        Seen::Unavailable(reason) => Seen::Unavailable(reason),
    };
    // Who reads all DAGs needs no list: a DAG without runs is one that has none.
    let most_pages = match questions.describe {
        _ if rest != Seen::Known(()) => usize::MAX,
        Describe::No => 0,
        // Still to come: the task instances, and the runs again.
        Describe::Cheaply => MOST_CALLS.saturating_sub(client.calls() + parts(listed).len() + 1),
        Describe::All => usize::MAX,
    };
    if most_pages > 0 {
        for dag in list_dags(client, most_pages, None).await? {
            let dag_id = DagId::new(dag.dag_id.as_str());
            if questions.all_dags || questions.dags.contains(&dag_id) {
                seen.insert(dag_id, Seen::Known(dag.facts()));
            }
        }
    }
    for dag_id in &questions.dags {
        seen.entry(dag_id.clone()).or_insert_with(|| match &rest {
            Seen::Known(()) => Seen::Known(DagFacts::default()),
            Seen::NotVisible => Seen::NotVisible,
            Seen::Unavailable(reason) => Seen::Unavailable(reason.clone()),
        });
    }
    let others = if questions.all_dags { rest } else { Seen::Unavailable("not asked".to_string()) };
    Ok((seen, others))
}

/// One DAG as the lists have it, for API v2; as the table above says for what they do not have.
async fn readable(client: &mut Client<'_>, dag_id: &DagId) -> Seen<DagFacts> {
    if client.api == Api::V1 {
        return one_dag(client, dag_id).await;
    }
    // A part of an id, so that others may come along.
    let listed = match list_dags(client, usize::MAX, Some(dag_id)).await {
        Ok(dags) => dags.into_iter().find(|dag| dag.dag_id == dag_id.as_str()),
        Err(Error::Forbidden { .. }) => return Seen::NotVisible,
        Err(error) => return Seen::Unavailable(error.reason()),
    };
    match listed {
        Some(dag) => Seen::Known(dag.facts()),
        // If it is there by name, no list shows it.
        None => by_name(client, dag_id, |_| Seen::NotVisible).await,
    }
}

/// One DAG by name, as the table above says.
async fn one_dag(client: &mut Client<'_>, dag_id: &DagId) -> Seen<DagFacts> {
    by_name(client, dag_id, |dag| Seen::Known(dag.facts())).await
}

async fn by_name(
    client: &mut Client<'_>,
    dag_id: &DagId,
    there: impl FnOnce(wire::Dag) -> Seen<DagFacts>,
) -> Seen<DagFacts> {
    match client.get::<wire::Dag>(&["dags", dag_id.as_str()], &[]).await {
        Ok(dag) if dag.dag_id == dag_id.as_str() => there(dag),
        Ok(_) => Seen::Unavailable(format!("Airflow answers with another DAG: `{dag_id}`")),
        Err(Error::Missing { .. }) => Seen::Known(DagFacts::default()),
        Err(Error::Forbidden { .. }) => Seen::NotVisible,
        Err(error) => Seen::Unavailable(error.reason()),
    }
}

/// All DAGs that can be read, stale ones too: a DAG whose file is gone may have runs in flight.
/// What a page loses by a deletion in between is a file's name, never a run. None where the first
/// page shows that it would take more pages than these. `only` reads no further than to that DAG.
async fn list_dags(client: &mut Client<'_>, most_pages: usize, only: Option<&DagId>) -> Result<Vec<wire::Dag>, Error> {
    let stale_too = match client.api {
        Api::V1 => ("only_active", "false"),
        Api::V2 => ("exclude_stale", "false"),
    };
    let mut dags = Vec::new();
    loop {
        let (limit, offset) = (DAGS_A_PAGE.to_string(), dags.len().to_string());
        let mut query = vec![("limit", limit.as_str()), ("offset", offset.as_str()), ("order_by", "dag_id"), stale_too];
        query.extend(only.map(|dag_id| ("dag_id_pattern", dag_id.as_str())));
        let page: DagList = client.get(&["dags"], &query).await?;
        let (rows, total) = (page.dags.len(), page.total_entries);
        if dags.is_empty() && rows > 0 && total.div_ceil(rows) > most_pages {
            return Ok(Vec::new());
        }
        dags.extend(page.dags);
        let found = only.is_some_and(|dag_id| dags.iter().any(|dag| dag.dag_id == dag_id.as_str()));
        if found || dags.len() >= total || rows == 0 {
            return Ok(dags);
        }
    }
}
