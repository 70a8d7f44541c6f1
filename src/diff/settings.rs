//! Options of tasks and DAGs that both sides have: what is another value now.

use super::plan::moment;
use super::{Certainty, Change, Kind, Settings};
use crate::dag::{Dag, Task};
use crate::ids::TaskId;

/// Where and how soon an instance runs; a value that is not given is Airflow's own.
const PLACES: [&str; 5] = ["pool", "pool_slots", "queue", "priority_weight", "max_active_tis_per_dag"];
const TASK_CALLBACKS: [&str; 3] = ["on_failure_callback", "on_success_callback", "on_retry_callback"];
const DAG_CALLBACKS: [&str; 3] = ["on_failure_callback", "on_success_callback", "sla_miss_callback"];
/// Options that say together when runs are created.
const SCHEDULE: [&str; 6] = ["schedule", "schedule_interval", "timetable", "start_date", "end_date", "catchup"];

/// How many instances of a task run at a time: in all runs of the DAG, and in one.
const LIMITS: [&str; 2] = ["max_active_tis_per_dag", "max_active_tis_per_dagrun"];

/// What became of the options of a DAG and of the tasks that keep their ids.
pub(super) fn changes(dag: &Dag, other: &Dag) -> Vec<Change> {
    let mut changes = of_dag(dag, other);
    for task in &dag.tasks {
        let Some(twin) = task.task_id.exact().and_then(|task_id| other.task(task_id)) else { continue };
        for (kind, certainty) in of_task((dag, task), (other, twin)) {
            changes.push(Change {
                kind: Kind::Settings(kind),
                dags: vec![dag.dag_id.clone()],
                certainty,
                deployed: Some(task.at.clone()),
                proposed: Some(twin.at.clone()),
            });
        }
    }
    changes
}

fn of_task((dag, task): (&Dag, &Task), (other, twin): (&Dag, &Task)) -> Vec<(Settings, Certainty)> {
    let Some(task_id) = task.task_id.exact() else { return Vec::new() };
    let both = |name: &str| (given(dag.option(task, name)), given(other.option(twin, name)));
    let mut found = Vec::new();
    let (before, after) = both("retries");
    if before != after {
        // Without the option Airflow's own number counts, which is 0 unless an operator has set it.
        let number = |text: Option<&str>| text.map_or(Some(0), |text| text.parse::<i64>().ok());
        if let (Some(before), Some(after)) = (number(before), number(after))
            && after < before
        {
            found.push((Settings::RetriesLowered { task_id: task_id.clone(), before, after }, Certainty::Certain));
        }
    }
    let (before, after) = both("execution_timeout");
    if before != after
        && let Some(limit) = after.and_then(seconds)
        // None at all is no limit (read in 2.6.2, 2.11.2 and 3.3.2).
        && limit != 0
        && before.is_none_or(|before| seconds(before).is_some_and(|before| before == 0 || limit < before))
    {
        let before = before.and_then(seconds).filter(|before| *before != 0);
        let kind = Settings::ExecutionTimeoutLowered { task_id: task_id.clone(), before, after: limit };
        found.push((kind, Certainty::Certain));
    }
    found.extend(sensor_timeout(task_id, task, twin));
    let (before, after) = both("end_date");
    found.extend(end_date(Some(task_id), before, after));
    for option in LIMITS {
        found.extend(nothing_starts(Some(task_id), option, both(option)));
    }
    for option in PLACES {
        let (before, after) = both(option);
        if before != after && !(LIMITS.contains(&option) && lets_none(after).is_some()) {
            let said = |value: Option<&str>| value.map_or_else(|| "Airflow's own".to_string(), str::to_string);
            let (before, after) = (said(before), said(after));
            let kind = Settings::PlaceChanged { task_id: task_id.clone(), option, before, after };
            found.push((kind, Certainty::Certain));
        }
    }
    for callback in TASK_CALLBACKS {
        if let (Some(_), None) = both(callback) {
            let task_id = Some(task_id.clone());
            found.push((Settings::CallbackRemoved { task_id, callback }, Certainty::Certain));
        }
    }
    found
}

fn of_dag(dag: &Dag, other: &Dag) -> Vec<Change> {
    let both = |name: &str| (given(dag.options.get(name)), given(other.options.get(name)));
    let mut found: Vec<(Settings, Certainty)> = Vec::new();
    let (before, after) = both("dagrun_timeout");
    if before != after
        && let Some(text) = after
    {
        let (limit, known) = (seconds(text), before.map(seconds));
        let lower = match (limit, known) {
            (Some(_), None) | (None, _) => true,
            (Some(limit), Some(known)) => known.is_none_or(|known| limit < known),
        };
        if lower {
            let certainty = match limit {
                Some(_) => Certainty::Certain,
                None => Certainty::Possible(format!("`dagrun_timeout` is not known: {text}")),
            };
            found.push((Settings::DagrunTimeoutLowered { before: known.flatten(), after: limit }, certainty));
        }
    }
    let (before, after) = both("end_date");
    found.extend(end_date(None, before, after));
    for callback in DAG_CALLBACKS {
        if let (Some(_), None) = both(callback) {
            found.push((Settings::CallbackRemoved { task_id: None, callback }, Certainty::Certain));
        }
    }
    let (before, after) = both("max_active_runs");
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    if before != after
        && let Some(after) = number(after)
        && number(before).is_none_or(|before| after < before)
    {
        found.push((Settings::MaxActiveRunsLowered { before: number(before), after }, Certainty::Certain));
    }
    found.extend(nothing_starts(None, "max_active_tasks", both("max_active_tasks")));
    let (before, after) = (schedule_text(dag), schedule_text(other));
    if before != after {
        found.push((Settings::ScheduleChanged { before, after }, Certainty::Certain));
    }
    found.extend(moving(dag, other));
    let change = |(kind, certainty)| Change {
        kind: Kind::Settings(kind),
        dags: vec![dag.dag_id.clone()],
        certainty,
        deployed: Some(dag.at.clone()),
        proposed: Some(other.at.clone()),
    };
    found.into_iter().map(change).collect()
}

/// A limit that lets nothing start, which did not: the scheduler queues an instance only where fewer run (read in
/// 2.6.2, 2.11.2 and 3.3.2).
fn nothing_starts(
    task_id: Option<&TaskId>,
    option: &'static str,
    (before, after): (Option<&str>, Option<&str>),
) -> Option<(Settings, Certainty)> {
    let after = lets_none(after)?;
    let before = before.and_then(|text| text.parse().ok());
    let kind = Settings::NothingStarts { task_id: task_id.cloned(), option, before, after };
    before.is_none_or(|before| before > 0).then_some((kind, Certainty::Certain))
}

/// A limit of none at a time.
fn lets_none(text: Option<&str>) -> Option<i64> {
    text.and_then(|text| text.parse().ok()).filter(|limit| *limit <= 0)
}

/// A sensor that gives up sooner than it did; the class may have another limit of its own, which is then the
/// same on both sides.
fn sensor_timeout(task_id: &TaskId, task: &Task, twin: &Task) -> Option<(Settings, Certainty)> {
    let is_sensor = |task: &Task| task.operator.to_ascii_lowercase().contains("sensor");
    if !is_sensor(task) || !is_sensor(twin) {
        return None;
    }
    let (before, after) = (task.arguments.get("timeout"), twin.arguments.get("timeout"));
    let limit = |text: &str| seconds(text).or_else(|| number(text));
    let after = limit(after.filter(|text| before != Some(text))?)?;
    let known = before.map(limit);
    let lower = known.is_none_or(|before| before.is_some_and(|before| after < before));
    let before = known.flatten();
    lower.then(|| (Settings::SensorTimeoutLowered { task_id: task_id.clone(), before, after }, Certainty::Certain))
}

/// Whole seconds of a number as it is written.
fn number(text: &str) -> Option<i64> {
    text.split_once('.').map_or(text, |(whole, _)| whole).replace('_', "").parse().ok()
}

/// An end that was not there, or that was later.
fn end_date(task_id: Option<&TaskId>, before: Option<&str>, after: Option<&str>) -> Option<(Settings, Certainty)> {
    if before == after {
        return None;
    }
    let (before, after) = (before.map(moment), moment(after?)?);
    let earlier = before.is_none_or(|before| before.is_none_or(|before| after < before));
    let before = before.flatten();
    earlier.then(|| (Settings::EndDateMoved { task_id: task_id.cloned(), before, after }, Certainty::Certain))
}

/// A start date that is reckoned from the time of the parse, and was not before.
fn moving(dag: &Dag, other: &Dag) -> Option<(Settings, Certainty)> {
    let text = |dag: &Dag| {
        ["start_date", "default_args.start_date"].iter().find_map(|name| {
            let text = given(dag.options.get(name))?;
            let clock = [".now(", "utcnow(", "days_ago(", ".today("].iter().any(|call| text.contains(call));
            clock.then(|| text.to_string())
        })
    };
    let after = text(other)?;
    text(dag).is_none().then_some((Settings::StartDateMoves { text: after }, Certainty::Certain))
}

/// What says when runs are created, in one text.
pub fn schedule_text(dag: &Dag) -> String {
    let by_hand = |name: &str| dag.options.get(name) == Some("None");
    if ["schedule", "schedule_interval"].into_iter().any(by_hand) {
        // No run is created by time, so that dates decide nothing.
        return "schedule=None".to_string();
    }
    let parts = SCHEDULE.iter().filter_map(|name| {
        let value = dag.options.get(name)?;
        // `schedule_interval` is what 2.x called it, and None is a schedule.
        let name = if *name == "schedule_interval" { "schedule" } else { name };
        Some(format!("{name}={value}"))
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// A value that is not None.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| *text != "None")
}

/// The seconds of a `timedelta` in canonical text; none where it is not known.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let parts = text.strip_prefix("datetime.timedelta(")?.strip_suffix(')')?;
    if parts == "0" {
        return Some(0);
    }
    let mut seconds = 0_i64;
    for part in parts.split(", ") {
        let (name, value) = part.split_once('=')?;
        let value: i64 = value.parse().ok()?;
        let unit = match name {
            "days" => 86_400,
            "seconds" => 1,
            "microseconds" => continue,
            _ => return None,
        };
        seconds = seconds.checked_add(value.checked_mul(unit)?)?;
    }
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn a_timedelta_has_seconds_and_another_call_has_none() {
        assert_eq!(seconds("datetime.timedelta(days=1, seconds=30, microseconds=5)"), Some(86_430));
        assert_eq!(seconds("datetime.timedelta(0)"), Some(0));
        assert_eq!(seconds("datetime.timedelta(minutes=int(x))"), None);
        assert_eq!(seconds("datetime.timedelta(days=99999999999999999)"), None);
        assert_eq!(seconds("limit()"), None);
    }
}
