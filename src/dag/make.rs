//! The making of DAGs, groups and tasks.

use super::member::{Defaults, add_to_dag, dag_argument, suffixed_group, unique};
use super::world::{
    DagState, Given, GroupState, MappingState, Name, Named, Run, TaskState, Thing, doubt_conditions, name_doubt,
    name_of, note,
};
use super::{options, refusal};
use crate::python::value::{Args, Argument, At, Object, Ref, Stop, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// `DAG(…)`.
pub(super) fn dag(run: &mut Run, args: &Args, at: At) -> Result<Value, Stop> {
    refusal::dag_arguments(run, args, at)?;
    let value = args.value(0, "dag_id").cloned();
    let id = value
        .as_ref()
        .map_or(Name::Pattern { prefix: String::new(), suffix: String::new() }, |value| name_of(run, value));
    let unclear = id.exact().is_none().then(|| match &value {
        Some(value) => name_doubt(value, "the dag_id"),
        None => "no dag_id is given".to_owned(),
    });
    if args.unknown.is_none() && value.as_ref().is_none_or(refusal::no_text) {
        refusal::refuse(run, "TypeError", "a DAG needs a `dag_id`, which is a text", at)?;
    }
    refusal::key(run, &id, at)?;
    let auto_register = args.keyword("auto_register").is_none_or(|arg| !matches!(run.truth(&arg.value, at), Ok(false)));
    let default_args = args.keyword("default_args").map(|arg| arg.value.clone());
    let start = match args.keyword("start_date").map(|arg| &arg.value) {
        Some(Value::None) | None if args.unknown.is_none() && args.positional.len() < 2 => {
            Defaults::only(default_args.clone()).gives(run, "start_date")
        }
        Some(Value::None) | None => Given::Unclear,
        Some(_) => Given::Yes,
    };
    let refused = ["schedule", "schedule_interval"].iter().find_map(|name| args.keyword(name)).and_then(|arg| {
        let why = arg.value.as_str().and_then(|cron| refusal::no_schedule(cron))?;
        Some((arg.at, why))
    });
    let id_at = decided_at(args.get(0, "dag_id"), at);
    let params = args.keyword("params").cloned();
    let params_at = params.as_ref().map(|params| params.at);
    let params = params.map_or_else(|| Some(BTreeMap::new()), |params| params_of(run, &params.value));
    run.host.dags.push(DagState {
        id,
        at,
        id_at,
        id_parts: parts_of(args.get(0, "dag_id")),
        doubts: BTreeSet::new(),
        touched: false,
        tasks: Vec::new(),
        groups: Vec::new(),
        ids: BTreeSet::new(),
        suffixes: BTreeMap::new(),
        more_ids: false,
        group_ids: BTreeSet::new(),
        default_args,
        options: options::given(args),
        auto_register,
        start,
        refused,
        params: params.filter(|_| args.unknown.is_none()),
        params_at,
    });
    let dag = run.host.dags.len() - 1;
    note(run, Named::Dag(dag), args.get(0, "dag_id"), "dag_id");
    if let Some(reason) = unclear {
        let at = unclear_at(args.get(0, "dag_id"), at);
        run.host.doubt(dag, at, reason);
    }
    doubt_conditions(run, dag);
    Ok(run.host.add(Thing::Dag(dag)))
}

/// The parameters that a dict holds; none if it is not known.
fn params_of(run: &Run, value: &Value) -> Option<BTreeMap<String, String>> {
    let Value::Object(object) = value else { return matches!(value, Value::None).then(BTreeMap::new) };
    match run.object(*object) {
        Object::Dict(dict) if run.hazy(*object).is_none() => {
            dict.pairs().iter().map(|(key, value)| Some((key.as_str()?.to_string(), run.text(value)))).collect()
        }
        _ => None,
    }
}

/// Where the parts of an id are written that decided it together, as far as that is elsewhere.
fn parts_of(given: Option<&Argument>) -> Vec<At> {
    match given {
        Some(Argument { value: Value::Str(text), .. }) => text.parts.as_deref().cloned().unwrap_or_default(),
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
    refusal::group_arguments(run, args, at)?;
    any_group(run, args, suffix, at)
}

/// A group of whatever class.
fn any_group(run: &mut Run, args: &Args, suffix: bool, at: At) -> Result<Value, Stop> {
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
    let (parent, dag) = match parent.or_else(|| run.host.current_group()) {
        Some(parent) if run.host.groups[parent].dag != dag => {
            (Some(parent), strange_group(run, parent, dag, args, at)?)
        }
        parent => (parent, dag),
    };
    let value = args.value(0, "group_id").cloned().unwrap_or(Value::None);
    let mut name = name_of(run, &value);
    let prefixes = match args.value(1, "prefix_group_id") {
        None => Some(true),
        Some(value) => run.truth(value, at).ok(),
    };
    let suffix = suffix
        || args.keyword("add_suffix_on_collision").is_some_and(|arg| matches!(run.truth(&arg.value, at), Ok(true)));
    let maybe = !run.is_certain();
    if prefixes == Some(true) {
        refusal::group_key(run, &name, at)?;
    }
    if dag.is_none() && dag_argument(run, args).is_ok() && args.unknown.is_none() && parent.is_none() {
        refusal::refuse(run, "AirflowException", "a TaskGroup is made where no DAG is open", at)?;
    }
    let mut taken = false;
    if let Some(dag) = dag {
        if name.exact().is_none() {
            let at = unclear_at(args.get(0, "group_id"), at);
            run.host.doubt(dag, at, name_doubt(&value, "the group_id"));
        }
        if prefixes.is_none() {
            run.host.doubt(dag, at, "whether the group prefixes its members is not known");
        }
        if suffix && let Some(local) = name.exact().cloned() {
            name = suffixed_group(run, dag, parent, &local, at);
        } else if let Some(local) = name.exact() {
            // 2.x compares the name as given, without the prefixes of its parents.
            let state = &run.host.dags[dag];
            taken = run.host.major() == Some(2) && (state.group_ids.contains(local) || state.ids.contains(local));
        }
        doubt_conditions(run, dag);
    }
    let id = match (parent, &name) {
        (Some(_), name) => run.host.child(parent, name.clone()),
        (None, name) => name.clone(),
    };
    if let (Some(dag), Some(id)) = (dag, id.exact().cloned())
        && !maybe
    {
        let state = &run.host.dags[dag];
        if taken || state.group_ids.contains(&id) || state.ids.contains(&id) {
            refusal::refuse(run, "DuplicateTaskIdFound", format!("the group_id `{id}` is used twice"), at)?;
        }
        run.host.dags[dag].group_ids.insert(id);
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
        after: BTreeSet::new(),
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

/// The DAG of a group that is made while a group of another DAG is open.
fn strange_group(run: &mut Run, parent: usize, dag: Option<usize>, args: &Args, at: At) -> Result<Option<usize>, Stop> {
    let of_parent = run.host.groups[parent].dag;
    let Some(own) = dag else { return Ok(of_parent) };
    match run.host.major() {
        // Since 3 the group is the other DAG's, like the one around it.
        Some(3..) if args.keyword("dag").is_none() => return Ok(of_parent),
        Some(major) => {
            let class = if major >= 3 { "ValueError" } else { "RuntimeError" };
            refusal::refuse(run, class, "a group within a group of another DAG", at)?;
        }
        None => run.host.doubt(own, at, "a group within a group of another DAG"),
    }
    Ok(dag)
}

/// Everything that the making of a task needs.
pub(super) struct Making {
    pub(super) operator: String,
    pub(super) path: Option<String>,
    pub(super) args: Rc<Args>,
    pub(super) mapped: Option<MappingState>,
    pub(super) callable: Option<Ref>,
    /// Its class, where that is one of the tree.
    pub(super) class: Option<Ref>,
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
    let Making { operator, path, args, mapped, callable, class, multiple_outputs, suffix, at } = making;
    let dag_given = dag_argument(run, &args);
    let mut dag = dag_given.clone().ok().flatten();
    let group = match args
        .keyword("task_group")
        .and_then(|arg| run.host_of(&arg.value))
        .map(|host| run.host.thing(host).clone())
    {
        Some(Thing::Group(group)) => Some(group),
        _ => run.host.current_group(),
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
    let home = match dag {
        Some(_) => Given::Yes,
        None if dag_given.is_err() || args.unknown.is_some() => Given::Unclear,
        None => Given::No,
    };
    if let Err(reason) = dag_given {
        for dag in 0..run.host.dags.len() {
            run.host.doubt(dag, at, reason.clone());
        }
    }
    let defaults = Defaults::of(run, dag, group, &args);
    let trigger_rule =
        args.keyword("trigger_rule").map(|arg| arg.value.clone()).or_else(|| defaults.get(run, "trigger_rule"));
    let trigger_rule = match trigger_rule.and_then(|value| rule_name(run, &value)) {
        Some(rule) if mapped.is_none() => Some(refusal::trigger_rule(run, &rule, at)?),
        rule => rule,
    };
    let start = match args.keyword("start_date").map(|arg| &arg.value) {
        _ if args.unknown.is_some() => Given::Unclear,
        Some(Value::None) | None => defaults.gives(run, "start_date"),
        Some(_) => Given::Yes,
    };
    refusal::key(run, &id, id_at)?;
    refusal::numbers(run, &args, at)?;
    let own = mapped.is_none() && path.as_deref().is_none_or(|path| refusal::class_of(path).is_some());
    refusal::types(run, &args, own)?;
    let arguments = args
        .keywords
        .iter()
        .filter(|(name, _)| !HELD_ELSEWHERE.contains(&&**name))
        .map(|(name, arg)| (name.clone(), run.text(&arg.value)))
        .chain(
            args.positional.iter().enumerate().map(|(index, arg)| (format!("[{index}]").into(), run.text(&arg.value))),
        )
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
        declared: Vec::new(),
        group,
        trigger_rule,
        multiple_outputs,
        callable,
        class,
        fields: None,
        arguments,
        takes: Vec::new(),
        maybe,
        setup: false,
        teardown: false,
        start,
        home,
        unsettled: None,
    });
    note(run, Named::Task(index), given.as_ref(), "task_id");
    if let Some(group) = group {
        run.host.groups[group].tasks.push(index);
    }
    run.host.contexts.made(index);
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
    let value = any_group(run, args, false, at)?;
    if let Some(Thing::Group(group)) = run.host_of(&value).map(|host| run.host.thing(host).clone())
        && let Some(dag) = run.host.groups[group].dag
    {
        run.host.doubt(dag, at, format!("`{path}` is not in the tree and may make tasks"));
    }
    Ok(value)
}
