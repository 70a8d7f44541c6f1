//! The making of DAGs, groups and tasks.

use super::member::{Defaults, add_to_dag, dag_argument, suffixed_group, unique};
use super::world::{
    DagState, GroupState, MappingState, Name, Named, Run, TaskState, Thing, doubt_conditions, name_doubt, name_of, note,
};
use crate::python::value::{Args, Argument, At, Object, Ref, Stop, Value};
use std::collections::BTreeSet;

/// `DAG(…)`.
pub(super) fn dag(run: &mut Run, args: &Args, at: At) -> Value {
    let value = args.value(0, "dag_id").cloned();
    let id = value
        .as_ref()
        .map_or(Name::Pattern { prefix: String::new(), suffix: String::new() }, |value| name_of(run, value));
    let unclear = id.exact().is_none().then(|| match &value {
        Some(value) => name_doubt(value, "the dag_id"),
        None => "no dag_id is given".to_owned(),
    });
    let auto_register = args.keyword("auto_register").is_none_or(|arg| !matches!(run.truth(&arg.value, at), Ok(false)));
    let default_args = args.keyword("default_args").map(|arg| arg.value.clone());
    let id_at = decided_at(args.get(0, "dag_id"), at);
    run.host.dags.push(DagState {
        id,
        at,
        id_at,
        id_parts: parts_of(args.get(0, "dag_id")),
        doubts: BTreeSet::new(),
        tasks: Vec::new(),
        groups: Vec::new(),
        ids: BTreeSet::new(),
        more_ids: false,
        group_ids: BTreeSet::new(),
        default_args,
        auto_register,
    });
    let dag = run.host.dags.len() - 1;
    note(run, Named::Dag(dag), args.get(0, "dag_id"), "dag_id");
    if let Some(reason) = unclear {
        let at = unclear_at(args.get(0, "dag_id"), at);
        run.host.doubt(dag, at, reason);
    }
    doubt_conditions(run, dag);
    run.host.add(Thing::Dag(dag))
}

/// Where the parts of an id are written that decided it together, as far as that is elsewhere.
fn parts_of(given: Option<&Argument>) -> Vec<At> {
    match given {
        Some(Argument { value: Value::Str(text), .. }) => text.parts.as_deref().unwrap_or_default().to_vec(),
        _ => Vec::new(),
    }
}

/// The narrowest expression for whose sake an argument is not known, within that argument.
fn unclear_at(given: Option<&Argument>, call: At) -> At {
    match given {
        Some(Argument { value: Value::Unknown(unknown), at }) if unknown.at.is_within(*at) => unknown.at,
        Some(given) => given.at,
        None => call,
    }
}

/// The expression that decided an id: where its text is written, else the argument, else the call.
fn decided_at(given: Option<&Argument>, call: At) -> At {
    match given {
        Some(Argument { value: Value::Str(text), at }) => text.at.unwrap_or(*at),
        Some(given) => given.at,
        None => call,
    }
}

/// `TaskGroup(…)`; with a suffix on collision for `@task_group`.
pub(super) fn group(run: &mut Run, args: &Args, suffix: bool, at: At) -> Result<Value, Stop> {
    let parent = match args.keyword("parent_group").map(|arg| &arg.value) {
        None | Some(Value::None) => None,
        Some(value) => match run.host_of(value).map(|host| run.host.thing(host).clone()) {
            Some(Thing::Group(group)) => Some(group),
            _ => None,
        },
    };
    let dag = match parent {
        Some(parent) => run.host.groups[parent].dag,
        None => dag_argument(run, args).ok().flatten(),
    };
    let parent = parent.or_else(|| run.host.current_group(dag));
    let value = args.value(0, "group_id").cloned().unwrap_or(Value::None);
    let mut name = name_of(run, &value);
    let prefixes = match args.value(1, "prefix_group_id") {
        None => Some(true),
        Some(value) => run.truth(value, at).ok(),
    };
    let suffix = suffix
        || args.keyword("add_suffix_on_collision").is_some_and(|arg| matches!(run.truth(&arg.value, at), Ok(true)));
    let maybe = !run.is_certain();
    if let Some(dag) = dag {
        if name.exact().is_none() {
            let at = unclear_at(args.get(0, "group_id"), at);
            run.host.doubt(dag, at, name_doubt(&value, "the group_id"));
        }
        if prefixes.is_none() {
            run.host.doubt(dag, at, "whether the group prefixes its members is not known");
        }
        if suffix && let Some(local) = name.exact().cloned() {
            name = suffixed_group(run, dag, &local);
        }
        doubt_conditions(run, dag);
    }
    let id = match (parent, &name) {
        (Some(_), name) => run.host.child(parent, name.clone()),
        (None, name) => name.clone(),
    };
    if let (Some(dag), Some(id)) = (dag, id.exact()) {
        let state = &mut run.host.dags[dag];
        if !state.group_ids.insert(id.clone()) && !maybe {
            return run.raise("DuplicateTaskIdFound", format!("group id `{id}` has already been added to the DAG"), at);
        }
    }
    let default_args = args.keyword("default_args").map(|arg| arg.value.clone());
    let id_at = decided_at(args.get(0, "group_id"), at);
    run.host.groups.push(GroupState {
        dag,
        id,
        at,
        id_at,
        parent,
        mapped: None,
        prefixes: prefixes.unwrap_or(true),
        tasks: Vec::new(),
        groups: Vec::new(),
        default_args,
        maybe,
    });
    let group = run.host.groups.len() - 1;
    note(run, Named::Group(group), args.get(0, "group_id"), "group_id");
    if let Some(dag) = dag {
        run.host.dags[dag].groups.push(group);
    }
    if let Some(parent) = parent {
        run.host.groups[parent].groups.push(group);
    }
    Ok(run.host.add(Thing::Group(group)))
}

/// Everything that the making of a task needs.
pub(super) struct Making {
    pub(super) operator: String,
    pub(super) path: Option<String>,
    pub(super) args: Args,
    pub(super) mapped: Option<MappingState>,
    pub(super) callable: Option<Ref>,
    pub(super) multiple_outputs: Option<bool>,
    /// Whether a taken id gets a suffix.
    pub(super) suffix: bool,
    pub(super) at: At,
}

/// Arguments of every operator that decide nothing about what runs, or are held elsewhere.
const HELD_ELSEWHERE: [&str; 14] = [
    "task_id",
    "dag",
    "task_group",
    "trigger_rule",
    "multiple_outputs",
    "default_args",
    "doc",
    "doc_md",
    "doc_json",
    "doc_rst",
    "doc_yaml",
    "python_callable",
    "ui_color",
    "task_display_name",
];

/// Makes a task.
pub(super) fn task(run: &mut Run, making: Making) -> Result<Value, Stop> {
    let Making { operator, path, args, mapped, callable, multiple_outputs, suffix, at } = making;
    let dag_given = dag_argument(run, &args);
    let mut dag = dag_given.clone().ok().flatten();
    let group = match args
        .keyword("task_group")
        .and_then(|arg| run.host_of(&arg.value))
        .map(|host| run.host.thing(host).clone())
    {
        Some(Thing::Group(group)) => Some(group),
        _ => run.host.current_group(dag),
    };
    dag = dag.or_else(|| group.and_then(|group| run.host.groups[group].dag));
    let given = args.keyword("task_id").cloned();
    let value = given.as_ref().map_or(Value::None, |arg| arg.value.clone());
    let id_at = decided_at(given.as_ref(), at);
    let mut name = name_of(run, &value);
    if suffix {
        name = unique(run, dag, group, name);
    }
    let id = run.host.child(group, name);
    let maybe = !run.is_certain();
    if let Err(reason) = dag_given {
        for dag in 0..run.host.dags.len() {
            run.host.doubt(dag, at, reason.clone());
        }
    }
    let defaults = Defaults::of(run, dag, group, &args);
    let trigger_rule =
        args.keyword("trigger_rule").map(|arg| arg.value.clone()).or_else(|| defaults.get(run, "trigger_rule"));
    let trigger_rule = trigger_rule.and_then(|value| rule_name(run, &value));
    let arguments = args
        .keywords
        .iter()
        .filter(|(name, _)| !HELD_ELSEWHERE.contains(&&**name))
        .map(|(name, arg)| (name.to_string(), run.text(&arg.value)))
        .chain(args.positional.iter().enumerate().map(|(index, arg)| (format!("[{index}]"), run.text(&arg.value))))
        .collect();
    let index = run.host.tasks.len();
    run.host.tasks.push(TaskState {
        dag: None,
        id: id.clone(),
        at,
        id_at,
        id_parts: parts_of(given.as_ref()),
        operator,
        operator_path: path,
        mapped,
        up: BTreeSet::new(),
        down: BTreeSet::new(),
        group,
        trigger_rule,
        multiple_outputs,
        callable,
        arguments,
        takes: Vec::new(),
        maybe,
        setup: false,
        teardown: false,
    });
    note(run, Named::Task(index), given.as_ref(), "task_id");
    if let Some(group) = group {
        run.host.groups[group].tasks.push(index);
    }
    if let Some((_, made)) = run.host.setup_stack.last_mut() {
        made.push(index);
    }
    if let Some(dag) = dag {
        if id.exact().is_none() {
            run.host.doubt(dag, unclear_at(given.as_ref(), at), name_doubt(&value, "the task_id"));
        }
        if let Some(why) = &args.unknown {
            run.host.doubt(dag, why.at, format!("arguments of a task are not known: {}", why.reason));
        }
        add_to_dag(run, dag, index, at)?;
    }
    Ok(run.host.add(Thing::Task(index)))
}

fn rule_name(run: &Run, value: &Value) -> Option<String> {
    match value {
        Value::Str(text) => Some(text.text.to_string()),
        Value::Outside(path) => path.rsplit('.').find(|part| *part != "value").map(str::to_lowercase),
        Value::Object(object) => match run.object(*object) {
            Object::Instance(instance) => instance.attributes.get("_value_").and_then(|value| rule_name(run, value)),
            _ => None,
        },
        _ => None,
    }
}

/// A group of another library, like the one of Databricks that adds a task which launches the
/// others: its members have its prefix, what else it makes is not known.
pub(super) fn other_group(run: &mut Run, path: &str, args: &Args, at: At) -> Result<Value, Stop> {
    let value = group(run, args, false, at)?;
    if let Some(Thing::Group(group)) = run.host_of(&value).map(|host| run.host.thing(host).clone())
        && let Some(dag) = run.host.groups[group].dag
    {
        run.host.doubt(dag, at, format!("`{path}` is not in the tree and may make tasks"));
    }
    Ok(value)
}
