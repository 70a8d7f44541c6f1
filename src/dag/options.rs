//! Options of DAGs and of the tasks that they give `default_args` to: schedules, limits, callbacks.

use super::world::Run;
use crate::python::syntax::ParameterKind;
use crate::python::value::{Args, Object, Value};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Options of a DAG that decide when it runs, how much of it at once, who is told, and what templates find.
const OF_DAG: [&str; 19] = [
    "schedule",
    "schedule_interval",
    "timetable",
    "start_date",
    "end_date",
    "catchup",
    "dagrun_timeout",
    "max_active_runs",
    "max_active_tasks",
    "concurrency",
    "is_paused_upon_creation",
    "on_failure_callback",
    "on_success_callback",
    "sla_miss_callback",
    "user_defined_macros",
    "user_defined_filters",
    "render_template_as_native_obj",
    "template_searchpath",
    "template_undefined",
];

/// Options of a task that `default_args` may give.
const OF_TASKS: [&str; 20] = [
    "retries",
    "retry_delay",
    "pool",
    "pool_slots",
    "do_xcom_push",
    "queue",
    "priority_weight",
    "execution_timeout",
    "depends_on_past",
    "wait_for_downstream",
    "max_active_tis_per_dag",
    "max_active_tis_per_dagrun",
    "start_date",
    "end_date",
    "on_execute_callback",
    "on_failure_callback",
    "on_success_callback",
    "on_retry_callback",
    "on_skipped_callback",
    "params",
];

/// Stands among the options where others may be given that are not known by name (`**options`).
pub(crate) const MORE: &str = "**";

/// The options among the arguments of `DAG(…)`.
pub(super) fn given(args: &Args) -> Vec<(Rc<str>, Value)> {
    let options = args.keywords.iter().filter(|(name, _)| OF_DAG.contains(&&**name));
    let mut given: Vec<(Rc<str>, Value)> = options.map(|(name, arg)| ((**name).into(), arg.value.clone())).collect();
    if args.unknown.is_some() || args.positional.len() > 2 {
        given.push((MORE.into(), Value::Bool(true)));
    }
    given
}

/// The options of a DAG, with what it gives to its tasks behind `default_args.`.
pub(super) fn of_dag(run: &Run, given: &[(Rc<str>, Value)], default_args: Option<&Value>) -> BTreeMap<String, String> {
    let mut options = defaults(run, default_args, "default_args.");
    options.extend(given.iter().map(|(name, value)| (name.to_string(), text(run, name, value))));
    options
}

/// What `default_args` give to tasks.
pub(super) fn defaults(run: &Run, default_args: Option<&Value>, prefix: &str) -> BTreeMap<String, String> {
    let pairs = default_args.and_then(|value| run.dict_pairs(value)).unwrap_or_default();
    let named = pairs.iter().filter_map(|(key, value)| Some((key.as_str()?, value)));
    named
        .filter(|(name, _)| OF_TASKS.contains(&&***name))
        .map(|(name, value)| (format!("{prefix}{name}"), text(run, name, value)))
        .collect()
}

/// Stands for the names that are given to templates where these are not known.
pub(crate) const NOT_KNOWN: &str = "?";

/// How many arguments a function of the tree takes by place, as `/least/most`; nothing where that is not known, or where
/// there is something that it takes by name alone.
fn places(run: &Run, value: &Value) -> String {
    let Value::Object(function) = value else { return String::new() };
    let Object::Function(function) = run.object(*function) else { return String::new() };
    let parameters = &function.def.parameters;
    if parameters.iter().any(|parameter| parameter.kind == ParameterKind::KeywordOnly) {
        return String::new();
    }
    let plain = || parameters.iter().filter(|parameter| parameter.kind.takes_place());
    let least = plain().filter(|parameter| parameter.default.is_none()).count();
    let most = if parameters.iter().any(|parameter| parameter.kind == ParameterKind::Star) {
        "*".to_owned()
    } else {
        plain().count().to_string()
    };
    format!("/{least}/{most}")
}

/// The text of an option. Of a callback it only matters whether there is one, of names that are given to
/// templates only the names, with what they take.
fn text(run: &Run, name: &str, value: &Value) -> String {
    if name.starts_with("user_defined_") && !matches!(value, Value::None) {
        let pairs = run.dict_pairs(value);
        let named = |(key, value): &(Value, Value)| Some(format!("{}{}", key.as_str()?, places(run, value)));
        let names: Option<Vec<String>> = pairs.as_ref().and_then(|pairs| pairs.iter().map(named).collect());
        return names.map_or_else(|| NOT_KNOWN.to_owned(), |names| names.join(" "));
    }
    if name.ends_with("_callback") && !matches!(value, Value::None) { "set".to_owned() } else { run.text(value) }
}
