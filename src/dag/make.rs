//! The making of DAGs, groups and tasks.

use super::arguments;
use super::names;
use super::world::{
    DagState, Doubt, GroupState, MappingState, Name, Run, TaskState, Thing, doubt_conditions, name_doubt, name_of,
};
use crate::python::value::{Args, Argument, At, Object, Ref, Stop, Value};
use std::collections::BTreeSet;
use std::rc::Rc;

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
    run.host.dags.push(DagState {
        id,
        at,
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
    if let Some(reason) = unclear {
        let at = args.get(0, "dag_id").map_or(at, |arg| arg.at);
        run.host.doubt(dag, at, reason);
    }
    doubt_conditions(run, dag);
    run.host.add(Thing::Dag(dag))
}

/// The DAG that `dag=` or the context gives.
pub(super) fn dag_argument(run: &Run, args: &Args) -> Result<Option<usize>, String> {
    match args.keyword("dag").map(|arg| &arg.value) {
        None | Some(Value::None) => Ok(run.host.current_dag()),
        Some(value) => match run.host_of(value).map(|host| run.host.thing(host)) {
            Some(Thing::Dag(dag)) => Ok(Some(*dag)),
            _ => Err("the argument `dag` is not known".to_owned()),
        },
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
    let maybe = !run.maybe.is_empty();
    if let Some(dag) = dag {
        if name.exact().is_none() {
            let at = args.get(0, "group_id").map_or(at, |arg| arg.at);
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
    run.host.groups.push(GroupState {
        dag,
        id,
        at,
        parent,
        mapped: None,
        prefixes: prefixes.unwrap_or(true),
        tasks: Vec::new(),
        groups: Vec::new(),
        default_args,
        maybe,
    });
    let group = run.host.groups.len() - 1;
    if let Some(dag) = dag {
        run.host.dags[dag].groups.push(group);
    }
    if let Some(parent) = parent {
        run.host.groups[parent].groups.push(group);
    }
    Ok(run.host.add(Thing::Group(group)))
}

/// `name`, `name__1`, `name__2`, … as Airflow counts on: it looks for the name as given among
/// the ids of all groups with their prefixes, also for a group within another (2.11.2, 3.3.2).
fn suffixed_group(run: &Run, dag: usize, local: &Rc<str>) -> Name {
    let used = &run.host.dags[dag].group_ids;
    if !used.contains(local) {
        return Name::Exact(local.clone());
    }
    let base = without_suffix(local);
    match used.iter().filter_map(|id| suffix_of(id, base)).max() {
        Some(highest) => Name::Exact(format!("{base}__{}", highest + 1).into()),
        None => Name::Exact(format!("{local}__1").into()),
    }
}

/// A text without `__<number>` at its end.
pub(super) fn without_suffix(text: &str) -> &str {
    match text.rsplit_once("__") {
        Some((base, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => base,
        _ => text,
    }
}

fn suffix_of(id: &str, base: &str) -> Option<u64> {
    id.strip_prefix(base)?.strip_prefix("__")?.parse().ok()
}

/// The id of a TaskFlow or mapped task: Airflow appends `__N` when it is taken.
fn unique(run: &Run, dag: Option<usize>, group: Option<usize>, name: Name) -> Name {
    let (Some(dag), Some(local)) = (dag, name.exact()) else { return name };
    let state = &run.host.dags[dag];
    if state.more_ids {
        let prefix = local.to_string();
        return Name::Pattern { prefix, suffix: String::new() };
    }
    let Name::Exact(full) = run.host.child(group, name.clone()) else { return name };
    if !state.ids.contains(&full) {
        return name;
    }
    let base = without_suffix(&full);
    let highest = state.ids.iter().filter_map(|id| suffix_of(id, base)).max().unwrap_or(0);
    Name::Exact(format!("{}__{}", without_suffix(local), highest + 1).into())
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
    let id_at = match &value {
        Value::Str(text) => text.at.unwrap_or_else(|| given.as_ref().map_or(at, |arg| arg.at)),
        _ => given.as_ref().map_or(at, |arg| arg.at),
    };
    let mut name = name_of(run, &value);
    if suffix {
        name = unique(run, dag, group, name);
    }
    let id = run.host.child(group, name);
    let maybe = !run.maybe.is_empty();
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
    if let Some(group) = group {
        run.host.groups[group].tasks.push(index);
    }
    if let Some((_, made)) = run.host.setup_stack.last_mut() {
        made.push(index);
    }
    if let Some(dag) = dag {
        if id.exact().is_none() {
            run.host.doubt(dag, id_at, name_doubt(&value, "the task_id"));
        }
        if let Some(why) = &args.unknown {
            run.host.doubt(dag, why.at, format!("arguments of a task are not known: {}", why.reason));
        }
        add_to_dag(run, dag, index, at)?;
    }
    Ok(run.host.add(Thing::Task(index)))
}

/// Puts a task into its DAG.
pub(super) fn add_to_dag(run: &mut Run, dag: usize, task: usize, at: At) -> Result<(), Stop> {
    doubt_conditions(run, dag);
    let state = &mut run.host.tasks[task];
    state.dag = Some(dag);
    match state.id.clone() {
        Name::Exact(id) => {
            if state.maybe {
                run.host.dags[dag].more_ids = true;
            } else if !run.host.dags[dag].ids.insert(id.clone()) {
                let known = !run.host.dags[dag].more_ids;
                run.host.doubt(dag, at, format!("the task_id `{id}` is used twice"));
                run.host.tasks[task].maybe = true;
                if known {
                    return run.raise(
                        "DuplicateTaskIdFound",
                        format!("task id `{id}` has already been added to the DAG"),
                        at,
                    );
                }
            }
        }
        _ => run.host.dags[dag].more_ids = true,
    }
    run.host.dags[dag].tasks.push(task);
    Ok(())
}

/// `default_args` of the DAG, of the groups around, and of the call itself.
pub(super) struct Defaults(Vec<Value>);

impl Defaults {
    /// The last one that has a key wins.
    pub(super) fn of(run: &Run, dag: Option<usize>, group: Option<usize>, args: &Args) -> Self {
        let mut all = Vec::new();
        all.extend(dag.and_then(|dag| run.host.dags[dag].default_args.clone()));
        let mut groups = Vec::new();
        let mut at = group;
        while let Some(group) = at {
            groups.extend(run.host.groups[group].default_args.clone());
            at = run.host.groups[group].parent;
        }
        groups.reverse();
        all.extend(groups);
        all.extend(args.keyword("default_args").map(|arg| arg.value.clone()));
        Self(all)
    }

    pub(super) fn get(&self, run: &Run, name: &str) -> Option<Value> {
        self.0.iter().rev().find_map(|value| {
            let pairs = run.dict_pairs(value)?;
            pairs.into_iter().find(|(key, _)| key.as_str().is_some_and(|key| &**key == name)).map(|(_, value)| value)
        })
    }
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

/// A call of a class outside the tree that makes a task.
pub(super) fn operator(run: &mut Run, path: &str, args: &Args, at: At) -> Result<Value, Stop> {
    let mut args = args.clone();
    if args.keyword("task_id").is_none() && args.unknown.is_none() {
        let dag = dag_argument(run, &args).ok().flatten();
        if let Some(value) = Defaults::of(run, dag, run.host.current_group(dag), &args).get(run, "task_id") {
            args.keywords.push(("task_id".into(), Argument { value, at }));
        } else {
            // Some operators have an id of their own; which, is in their code.
            let value =
                crate::python::value::Unknown::new(format!("`{path}` is called without a task_id"), at, "task_id")
                    .value();
            args.keywords.push(("task_id".into(), Argument { value, at }));
        }
    }
    let callable = args.keyword("python_callable").and_then(|arg| arguments::function(run, &arg.value));
    let multiple_outputs = args.keyword("multiple_outputs").and_then(|arg| run.truth(&arg.value, at).ok());
    // A DAG within a DAG is loaded with it.
    if let Some(subdag) = args.keyword("subdag").cloned() {
        match run.host_of(&subdag.value).map(|host| run.host.thing(host)) {
            Some(Thing::Dag(dag)) => {
                let dag = *dag;
                run.host.registered.insert(dag);
            }
            _ => {
                run.host.doubts.insert(Doubt { at: subdag.at, reason: "a DAG within a DAG is not known".into() });
            }
        }
    }
    let class = path.rsplit('.').next().unwrap_or(path).to_owned();
    let making = Making {
        operator: class,
        path: Some(path.to_owned()),
        args: args.clone(),
        mapped: None,
        callable,
        multiple_outputs,
        suffix: false,
        at,
    };
    connected(run, making)
}

/// Makes a task and the edges that its arguments ask for.
fn connected(run: &mut Run, making: Making) -> Result<Value, Stop> {
    let (args, at) = (making.args.clone(), making.at);
    let value = task(run, making)?;
    if let Some(task) = task_of(run, &value) {
        arguments::depend(run, task, &args, at)?;
    }
    Ok(value)
}

/// The task that a value stands for, if it is one.
pub(super) fn task_of(run: &Run, value: &Value) -> Option<usize> {
    match run.host.thing(run.host_of(value)?) {
        Thing::Task(task) => Some(*task),
        _ => None,
    }
}

/// `Operator.partial(…).expand(…)`.
pub(super) fn expand_operator(
    run: &mut Run,
    class: &Value,
    partial: &Args,
    expand: &Args,
    kwargs: bool,
    at: At,
) -> Result<Value, Stop> {
    let (operator, path) = match class {
        Value::Outside(path) => (path.rsplit('.').next().unwrap_or(path).to_owned(), Some(path.to_string())),
        Value::Object(object) => match run.object(*object) {
            Object::Class(class) => (class.name.to_string(), Some(class.path.to_string())),
            _ => ("?".to_owned(), None),
        },
        _ => ("?".to_owned(), None),
    };
    let mapping = arguments::mapping(run, expand, kwargs, at);
    let mut args = partial.clone();
    args.unknown = args.unknown.or_else(|| expand.unknown.clone());
    let callable = args.keyword("python_callable").and_then(|arg| arguments::function(run, &arg.value));
    let making = Making {
        operator,
        path,
        args: args.clone(),
        mapped: Some(mapping),
        callable,
        multiple_outputs: None,
        suffix: false,
        at,
    };
    let value = task(run, making)?;
    if let Some(task) = task_of(run, &value) {
        arguments::depend(run, task, &args, at)?;
        arguments::depend(run, task, expand, at)?;
        arguments::doubt_mapping(run, task);
    }
    Ok(value)
}

/// The base `__init__` of an operator of the tree.
pub(super) fn construct(run: &mut Run, instance: Ref, base: &str, args: &Args, at: At) -> Result<(), Stop> {
    let meaning = names::meaning(base);
    let open = args.unknown.is_some() && meaning == names::Meaning::Other && run.host.current_dag().is_some();
    let task_like = meaning == names::Meaning::Operator || args.keyword("task_id").is_some() || open;
    let host = match meaning {
        names::Meaning::Dag => Some(dag(run, args, at)),
        names::Meaning::TaskGroup => Some(group(run, args, false, at)?),
        _ if task_like => {
            let Object::Instance(object) = run.object(instance) else { return Ok(()) };
            let (class, path) = match run.object(object.class) {
                Object::Class(class) => (class.name.to_string(), class.path.to_string()),
                _ => ("?".to_owned(), String::new()),
            };
            let mut args = args.clone();
            if args.keyword("task_id").is_none() && args.unknown.is_none() {
                let dag = dag_argument(run, &args).ok().flatten();
                if let Some(value) = Defaults::of(run, dag, None, &args).get(run, "task_id") {
                    args.keywords.push(("task_id".into(), Argument { value, at }));
                }
            }
            let callable = args.keyword("python_callable").and_then(|arg| arguments::function(run, &arg.value));
            let making = Making {
                operator: class,
                path: Some(path),
                args: args.clone(),
                mapped: None,
                callable,
                multiple_outputs: None,
                suffix: false,
                at,
            };
            Some(connected(run, making)?)
        }
        _ => None,
    };
    if let (Some(Value::Host(host)), Object::Instance(instance)) = (host, run.change(instance)) {
        instance.host = Some(host);
    }
    Ok(())
}

/// Adds to a call of an operator of the tree what `default_args` gives to the parameters of its
/// `__init__`.
pub(super) fn apply_defaults(run: &mut Run, class: Ref, args: &mut Args, at: At) {
    let operator = run
        .outside_bases(class)
        .iter()
        .any(|base| matches!(names::meaning(base), names::Meaning::Operator | names::Meaning::Other));
    if !operator {
        return;
    }
    let Some((Ok(Value::Object(function)), _)) = run.find_in_class(class, "__init__", None) else { return };
    let Object::Function(function) = run.object(function).clone() else { return };
    let dag = dag_argument(run, args).ok().flatten();
    let defaults = Defaults::of(run, dag, run.host.current_group(dag), args);
    for (position, parameter) in function.def.parameters.iter().enumerate().skip(1) {
        let plain = matches!(
            parameter.kind,
            crate::python::syntax::ParameterKind::Plain | crate::python::syntax::ParameterKind::KeywordOnly
        );
        if !plain || args.get(position - 1, &parameter.name).is_some() {
            continue;
        }
        if let Some(value) = defaults.get(run, &parameter.name) {
            args.keywords.push((parameter.name.clone(), Argument { value, at }));
        }
    }
}

/// After the outermost `__init__`: what the template fields of an instance depend on.
pub(super) fn constructed(run: &mut Run, instance: Ref, at: At) -> Result<(), Stop> {
    let Object::Instance(object) = run.object(instance).clone() else { return Ok(()) };
    let Some(host) = object.host else { return Ok(()) };
    let Thing::Task(task) = *run.host.thing(host) else { return Ok(()) };
    let Some((Ok(fields), _)) = run.find_in_class(object.class, "template_fields", None) else { return Ok(()) };
    let Some(fields) = run.items(&fields).map(<[Value]>::to_vec) else { return Ok(()) };
    let mut args = Args::default();
    for field in fields {
        if let Some(name) = field.as_str()
            && let Some(value) = object.attributes.get(name)
        {
            args.keywords.push((name.clone(), Argument { value: value.clone(), at }));
        }
    }
    arguments::depend(run, task, &args, at)
}
