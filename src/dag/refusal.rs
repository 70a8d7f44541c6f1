//! What Airflow does not accept: a breach raises while the file is loaded, so that none of its
//! DAGs is.
//!
//! Invariant: a file is only refused where the breach is certain. Under a condition that is not
//! known, or with values that are not known, a breach is a doubt or nothing.

mod types;

use super::known::{self, Class};
use super::world::{Doubt, Name, Run};
use crate::ids::AirflowVersion;
use crate::python::value::{Args, At, Object, Stop, Value};

/// Raises what Airflow raises; under a condition that is not known it is a doubt.
pub(super) fn refuse(run: &mut Run, class: &str, message: impl Into<String>, at: At) -> Result<(), Stop> {
    let message = message.into();
    if run.is_certain() {
        return run.raise(class, message, at);
    }
    match run.host.current_dag() {
        Some(dag) => run.host.doubt(dag, at, message),
        None => {
            run.host.doubts.insert(Doubt { at, reason: message.into() });
        }
    }
    Ok(())
}

/// The longest `dag_id` or `task_id`, prefixes included.
const LONGEST_KEY: usize = 250;
/// The longest `group_id`, without prefixes.
const LONGEST_GROUP: usize = 200;

/// Checks a `dag_id` or a full `task_id`.
pub(super) fn key(run: &mut Run, name: &Name, at: At) -> Result<(), Stop> {
    check_key(run, name, LONGEST_KEY, "-_.", at)
}

/// Checks the `group_id` of a group that prefixes its members, as it is given.
pub(super) fn group_key(run: &mut Run, name: &Name, at: At) -> Result<(), Stop> {
    check_key(run, name, LONGEST_GROUP, "-_", at)
}

fn check_key(run: &mut Run, name: &Name, longest: usize, besides: &str, at: At) -> Result<(), Stop> {
    let Some(id) = name.exact().cloned() else { return Ok(()) };
    if id.chars().count() > longest {
        let beginning: String = id.chars().take(40).collect();
        return refuse(run, "AirflowException", format!("the id `{beginning}…` is longer than {longest}"), at);
    }
    // Python's `$` lets a line end pass.
    let inner = id.strip_suffix('\n').unwrap_or(&id);
    if inner.is_empty() || !inner.chars().all(|c| c.is_alphanumeric() || besides.contains(c)) {
        let message = format!(
            "the id `{}` may hold letters, digits and `{besides}` only",
            id.escape_debug().take(80).collect::<String>()
        );
        return refuse(run, "AirflowException", message, at);
    }
    Ok(())
}

/// Whether a value is certainly no text.
pub(super) fn no_text(value: &Value) -> bool {
    matches!(value, Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Bytes(_))
}

/// Checks the arguments of `DAG(…)`.
pub(super) fn dag_arguments(run: &mut Run, args: &Args, at: At) -> Result<(), Stop> {
    dag_names(run, args, at)?;
    dag_types(run, args, at)
}

/// Checks the names of keyword arguments of `DAG(…)` or `@dag(…)`.
pub(super) fn dag_names(run: &mut Run, args: &Args, at: At) -> Result<(), Stop> {
    let version = run.host.version;
    match args.keywords.iter().map(|(name, _)| name).find(|name| !known::dag_argument(name, version)) {
        Some(name) => refuse(run, "TypeError", format!("DAG() got an unexpected keyword argument `{name}`"), at),
        None => Ok(()),
    }
}

/// Checks what `DAG(…)` takes by position, and the types that every release checks there.
fn dag_types(run: &mut Run, args: &Args, at: At) -> Result<(), Stop> {
    if run.host.major() == Some(3) && args.positional.len() > 1 {
        return refuse(run, "TypeError", "DAG() takes one argument by position, the `dag_id`", at);
    }
    let given = |name: &&str| args.keyword(name).is_some_and(|arg| !matches!(arg.value, Value::None));
    if ["schedule", "schedule_interval", "timetable"].iter().filter(|name| given(name)).count() > 1 {
        return refuse(run, "ValueError", "at most one of `schedule`, `schedule_interval` and `timetable`", at);
    }
    let wrong = args.keywords.iter().find(|(name, argument)| match &**name {
        "schedule" | "schedule_interval" => types::no_schedule(run, &argument.value),
        "start_date" | "end_date" => matches!(argument.value, Value::Str(_)),
        _ => false,
    });
    let wrong = wrong.map(|(name, argument)| (name.to_string(), argument.at));
    match wrong.or_else(|| types::of_dag(run, args)) {
        Some((name, at)) => refuse(run, "ValueError", format!("`{name}` is not given a value that it takes"), at),
        None => Ok(()),
    }
}

/// The class behind a call of an operator: `path` outside the tree.
pub(super) fn class_of(path: &str) -> Option<&'static Class> {
    known::class(path)
}

/// Checks the arguments of an operator as its class takes them. `given` is what `default_args`
/// add, by name.
pub(super) fn operator_arguments(
    run: &mut Run,
    path: &str,
    args: &Args,
    given: impl Fn(&Run, &str) -> bool,
    at: At,
) -> Result<(), Stop> {
    if !args.positional.is_empty() && path.starts_with("airflow.") {
        return refuse(run, "AirflowException", "operators take keyword arguments only", at);
    }
    let Some(class) = class_of(path) else { return Ok(()) };
    if let Some(name) = args.keywords.iter().map(|(name, _)| name).find(|name| class.refuses(name, run.host.version)) {
        let message = format!("{}() got an argument that it does not take: `{name}`", class.name);
        return refuse(run, "AirflowException", message, at);
    }
    if args.unknown.is_some() {
        return Ok(());
    }
    for name in class.required.iter().copied().chain(["task_id"]) {
        if args.keyword(name).is_none() && !given(run, name) {
            let message = format!("{}() misses the argument `{name}`", class.name);
            return refuse(run, "AirflowException", message, at);
        }
    }
    if class.is_sensor()
        && let Some(Value::Str(mode)) = args.keyword("mode").map(|arg| arg.value.clone())
        && !matches!(&*mode.text, "poke" | "reschedule")
    {
        let message = format!("the mode of a sensor is `poke` or `reschedule`, not `{}`", mode.text.escape_debug());
        return refuse(run, "AirflowException", message, at);
    }
    if let Some(callable) = args.keyword("python_callable")
        && class.required.contains(&"python_callable")
        && (no_text(&callable.value) || matches!(callable.value, Value::Str(_)))
    {
        return refuse(run, "AirflowException", "`python_callable` must be callable", at);
    }
    Ok(())
}

/// The name of a trigger rule as Airflow keeps it: releases before 3 have two by their former
/// names.
pub(super) fn trigger_rule(run: &mut Run, rule: &str, at: At) -> Result<String, Stop> {
    let version = run.host.version;
    if !known::trigger_rule(rule, version) {
        refuse(run, "AirflowException", format!("`{}` is no trigger rule", rule.escape_debug()), at)?;
    }
    Ok(match rule {
        "none_failed_or_skipped" => "none_failed_min_one_success",
        "dummy" => "always",
        rule => rule,
    }
    .to_owned())
}

/// Whether that version, or any where none is named, is older than `major.minor`.
pub(super) fn older(version: Option<AirflowVersion>, major: u32, minor: u32) -> bool {
    version.is_some_and(|version| (version.major, version.minor) < (major, minor))
}

/// What has no place in a dependency, in words; none where it may be a task after all.
pub(super) fn no_task(run: &Run, value: &Value) -> Option<&'static str> {
    match value {
        Value::None => Some("`None`"),
        Value::Str(_) | Value::Bytes(_) => Some("a text"),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => Some("a number"),
        Value::Module(_) => Some("a module"),
        Value::Object(object) if run.hazy(*object).is_none() => match run.object(*object) {
            Object::Function(_) | Object::Bound { .. } => Some("a function"),
            Object::Dict(_) => Some("a dict"),
            Object::Set(_) => Some("a set"),
            Object::List(_) | Object::Tuple(_) => Some("a list within a list"),
            Object::Lazy(_) => Some("what is iterated once, as a generator"),
            _ => None,
        },
        _ => None,
    }
}

/// Checks the keyword arguments of `TaskGroup(…)` or `@task_group(…)`.
pub(super) fn group_arguments(run: &mut Run, args: &Args, at: At) -> Result<(), Stop> {
    let version = run.host.version;
    let unknown = args.keywords.iter().find(|(name, _)| !known::group_argument(name, version));
    if let Some(name) = unknown.map(|(name, _)| name.to_string()) {
        return refuse(run, "TypeError", format!("TaskGroup() got an unexpected keyword argument `{name}`"), at);
    }
    match types::of_group(run, args) {
        Some((name, of)) => refuse(run, "TypeError", format!("`{name}` is not given a value that it takes"), of),
        None => Ok(()),
    }
}

/// Checks the types of arguments when an operator is made; `own` if they are certainly those of
/// every operator, and not of a provider's class that has another meaning for one of them.
pub(super) fn types(run: &mut Run, args: &Args, own: bool) -> Result<(), Stop> {
    let two = run.host.major() == Some(2);
    let wrong = args.keywords.iter().find(|(name, argument)| match (&**name, &argument.value) {
        ("execution_timeout", Value::Int(_) | Value::Float(_) | Value::Str(_))
        | ("retry_delay" | "max_retry_delay" | "priority_weight" | "end_date" | "params", Value::Str(_))
        | ("trigger_rule", Value::None) => true,
        ("retry_delay", Value::None) => two,
        ("weight_rule", Value::Str(rule)) => {
            !rule.text.contains('.') && !matches!(&*rule.text, "downstream" | "upstream" | "absolute")
        }
        _ => false,
    });
    let wrong = wrong.map(|(name, argument)| (name.to_string(), argument.at));
    match wrong.or_else(|| own.then(|| types::of_operator(run, args)).flatten()) {
        Some((name, of)) => {
            let message = format!("`{name}` is not given a value that it takes");
            refuse(run, "TypeError", message, of)
        }
        None => Ok(()),
    }
}

/// Checks numbers that Airflow checks.
pub(super) fn numbers(run: &mut Run, args: &Args, at: At) -> Result<(), Stop> {
    if let Some(Value::Int(slots)) = args.keyword("pool_slots").map(|arg| arg.value.clone())
        && slots < 1
    {
        refuse(run, "ValueError", format!("`pool_slots` is less than 1: {slots}"), at)?;
    }
    if let Some(Value::Str(text)) = args.keyword("retries").map(|arg| arg.value.clone())
        && text.text.trim().parse::<i64>().is_err()
    {
        refuse(run, "AirflowException", format!("`retries` is no number: {}", text.text.escape_debug()), at)?;
    }
    Ok(())
}

/// Why a text is no schedule, where that is certain: of an unknown name, or a cron expression with
/// too few columns or with numbers that its columns do not have.
pub(super) fn no_schedule(text: &str) -> Option<String> {
    /// What some release takes; 2.11.2 does so in any case of letters.
    const NAMED: &str = " @annually @continuous @daily @hourly @midnight @monthly @none @once @quarterly @reboot @weekly \
@yearly ";
    let lower = text.trim().to_lowercase();
    let columns: Vec<&str> = lower.split_whitespace().collect();
    let fits = match columns[..] {
        _ if text == "None" => true,
        [name] if name.starts_with('@') => NAMED.contains(&format!(" {name} ")),
        [minute, hour, day, month, weekday] => {
            [(minute, 0, 59), (hour, 0, 23), (day, 1, 31), (month, 1, 12), (weekday, 0, 7)]
                .into_iter()
                .all(|(column, least, most)| column.split(',').all(|part| fits(part, least, most)))
        }
        _ => (6..=7).contains(&columns.len()),
    };
    (!fits).then(|| format!("AirflowTimetableInvalid: `{}` is no schedule", text.escape_debug()))
}

/// Whether a part of a column of a cron expression, `*/5` or `1-3`, may have its place there.
fn fits(part: &str, least: u32, most: u32) -> bool {
    let (range, step) = part.split_once('/').unwrap_or((part, "1"));
    let within = |number: &str| number.parse::<u32>().map_or(true, |number| (least..=most).contains(&number));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    within(first) && within(last) && step != "0"
}
