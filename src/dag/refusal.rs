//! What Airflow does not accept: a breach raises while the file is loaded, so that none of its
//! DAGs is.
//!
//! Invariant: a file is only refused where the breach is certain. Under a condition that is not
//! known, or with values that are not known, a breach is a doubt or nothing.

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

/// Checks the keyword arguments of `DAG(…)` or `@dag(…)`.
pub(super) fn dag_arguments(run: &mut Run, args: &Args, at: At) -> Result<(), Stop> {
    let version = run.host.version;
    let unknown = args.keywords.iter().find(|(name, _)| !known::dag_argument(name, version));
    match unknown.map(|(name, argument)| (name.to_string(), argument.at)) {
        Some((name, _)) => {
            let message = format!("DAG() got an unexpected keyword argument `{name}`");
            refuse(run, "TypeError", message, at)
        }
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
            _ => None,
        },
        _ => None,
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

/// Why a text is no schedule, where that is certain: cron has five to seven columns.
pub(super) fn no_schedule(text: &str) -> Option<String> {
    let columns = text.split_whitespace().count();
    let named = text.trim_start().starts_with('@') || text == "None";
    (!named && !(5..=7).contains(&columns))
        .then(|| format!("AirflowTimetableInvalid: `{}` is no schedule", text.escape_debug()))
}
