//! Arguments of tasks: outputs of other tasks that they take, what they are mapped over, and the
//! functions that they run.

use super::edges::connect;
use super::names;
use super::world::{MappingState, OverState, Run, TakesState, Thing};
use crate::python::value::{Args, At, Object, Ref, Stop, Value};
use std::collections::BTreeSet;

/// A use of outputs in an argument.
struct Use {
    tasks: BTreeSet<usize>,
    key: String,
    direct: bool,
}

fn uses(run: &Run, value: &Value, depth: usize, direct: bool, found: &mut Vec<Use>) {
    if depth == 0 {
        return;
    }
    if let Some(host) = run.host_of(value) {
        if let Thing::Output { tasks, key, .. } = run.host.thing(host) {
            found.push(Use { tasks: tasks.clone(), key: key.to_string(), direct });
        }
        return;
    }
    let Value::Object(object) = value else { return };
    match run.object(*object) {
        Object::List(items) | Object::Tuple(items) => {
            items.items.iter().for_each(|item| uses(run, item, depth - 1, false, found));
        }
        Object::Dict(dict) => dict.pairs().iter().for_each(|(_, value)| uses(run, value, depth - 1, false, found)),
        Object::Set(items) => items.iter().for_each(|item| uses(run, item, depth - 1, false, found)),
        _ => {}
    }
}

/// Arguments of every operator that are no templates: an output there is no dependency.
const NO_TEMPLATES: [&str; 9] =
    ["task_id", "dag", "task_group", "trigger_rule", "retries", "pool", "queue", "default_args", "doc_md"];

/// Makes a task depend on the outputs in its arguments.
pub(super) fn depend(run: &mut Run, task: usize, args: &Args, at: At) -> Result<(), Stop> {
    let mut all = Vec::new();
    let named = args.keywords.iter().map(|(name, arg)| (Some(name.to_string()), arg));
    let unnamed = args.positional.iter().map(|arg| (None, arg));
    for (name, arg) in named.chain(unnamed) {
        if name.as_deref().is_some_and(|name| NO_TEMPLATES.contains(&name)) {
            continue;
        }
        let mut found = Vec::new();
        uses(run, &arg.value, 12, true, &mut found);
        all.extend(found.into_iter().map(|found| (name.clone(), arg.at, found)));
        if let Value::OneOf(_) = &arg.value
            && !run.hosts_in(&arg.value).is_empty()
            && let Some(dag) = run.host.tasks[task].dag
        {
            run.host.doubt(dag, arg.at, "an argument is one of several outputs");
        }
        if let Value::Object(object) = &arg.value
            && let Some(why) = run.hazy(*object)
            && !run.hosts_in(&arg.value).is_empty()
            && let Some(dag) = run.host.tasks[task].dag
        {
            run.host.doubt(dag, arg.at, format!("a list of outputs is not known: {}", why.reason));
        }
        if let Value::Unknown(unknown) = &arg.value
            && unknown.hosts.iter().any(|host| matches!(run.host.thing(*host), Thing::Output { .. }))
            && let Some(dag) = run.host.tasks[task].dag
        {
            let reason = format!("an argument is made of outputs in a way that is not known: {}", unknown.reason);
            run.host.doubt(dag, arg.at, reason);
        }
    }
    for (parameter, used_at, found) in all {
        let direct = found.direct.then_some(parameter).flatten();
        for producer in &found.tasks {
            let takes =
                TakesState { producer: *producer, key: found.key.clone(), parameter: direct.clone(), at: used_at };
            run.host.tasks[task].takes.push(takes);
        }
        connect(run, &found.tasks, &BTreeSet::from([task]), at)?;
    }
    Ok(())
}

/// What `expand(…)` or `expand_kwargs(…)` maps over.
pub(super) fn mapping(run: &mut Run, args: &Args, kwargs: bool, at: At) -> MappingState {
    let mut over = Vec::new();
    if kwargs {
        if let Some(arg) = args.positional.first() {
            over.push(mapped_over(run, String::new(), &arg.value, arg.at));
        }
    } else {
        for (name, arg) in &args.keywords {
            over.push(mapped_over(run, name.to_string(), &arg.value, arg.at));
        }
    }
    MappingState { at, kwargs, over }
}

fn mapped_over(run: &Run, arg: String, value: &Value, at: At) -> OverState {
    let mut found = Vec::new();
    uses(run, value, 12, true, &mut found);
    let tasks = found.into_iter().flat_map(|found| found.tasks).collect();
    let mut state = OverState { arg, at, length: None, items: None, items_at: Vec::new(), tasks };
    if let Some(items) = run.items(value) {
        state.length = Some(items.len());
        state.items = Some(items.iter().map(|item| item_text(run, item)).collect());
        if let Value::Object(object) = value
            && let Object::List(sequence) | Object::Tuple(sequence) = run.object(*object)
            && sequence.at.len() == items.len()
        {
            state.items_at = sequence
                .at
                .iter()
                .zip(items)
                .map(|(at, item)| match item {
                    Value::Str(text) => text.at.unwrap_or(*at),
                    _ => *at,
                })
                .collect();
        }
    } else if let Some(pairs) = run.dict_pairs(value) {
        state.length = Some(pairs.len());
        state.items =
            Some(pairs.iter().map(|(key, value)| Some(format!("{}: {}", run.text(key), run.text(value)))).collect());
    }
    state
}

fn item_text(run: &Run, item: &Value) -> Option<String> {
    match item {
        Value::Unknown(_) | Value::OneOf(_) => None,
        item if !run.hosts_in(item).is_empty() => None,
        item => Some(run.text(item)),
    }
}

/// A mapping over something that is neither a known list nor an output is not known.
pub(super) fn doubt_mapping(run: &mut Run, task: usize) {
    let state = &run.host.tasks[task];
    let (Some(dag), Some(mapping)) = (state.dag, state.mapped.clone()) else { return };
    doubt_over(run, dag, &mapping);
}

pub(super) fn doubt_over(run: &mut Run, dag: usize, mapping: &MappingState) {
    for over in &mapping.over {
        if over.length.is_none() && over.tasks.is_empty() {
            run.host.doubt(dag, over.at, "the list that is mapped over is not known");
        }
    }
    if mapping.over.is_empty() {
        run.host.doubt(dag, mapping.at, "what is mapped over is not known");
    }
}

/// The function of the tree behind a callable.
pub(super) fn function(run: &Run, value: &Value) -> Option<Ref> {
    let Value::Object(object) = value else {
        let Thing::Decorated(decorated) = run.host.thing(run.host_of(value)?) else { return None };
        return function(run, &decorated.function);
    };
    match run.object(*object) {
        Object::Function(_) => Some(*object),
        Object::Bound { function, .. } => Some(*function),
        Object::Partial { function: inner, .. } => function(run, inner),
        _ => None,
    }
}

/// A function or lambda of the tree.
fn is_function(run: &Run, value: &Value) -> bool {
    match value {
        Value::Object(object) => {
            matches!(run.object(*object), Object::Function(_) | Object::Bound { .. } | Object::Partial { .. })
        }
        _ => false,
    }
}

/// Whether a callee is a class, or a function that only keeps what it is given.
fn makes_value(callee: &Value) -> bool {
    let Value::Outside(path) = callee else { return false };
    let last = path.rsplit('.').next().unwrap_or(path);
    names::starts_upper(last)
        || matches!(
            &**path,
            "builtins.isinstance"
                | "builtins.callable"
                | "builtins.hasattr"
                | "builtins.id"
                | "builtins.type"
                | "builtins.repr"
                | "builtins.getattr"
                | "atexit.register"
        )
        || path.starts_with("inspect.")
        || path.starts_with("functools.") && last != "reduce"
}

/// What happens to the DAGs when something outside the tree is called.
pub(super) fn outside_call(run: &mut Run, callee: &Value, args: &Args, at: At) {
    let root = match callee {
        Value::Outside(path) => Some(path.clone()),
        Value::Unknown(unknown) => unknown.root.clone(),
        _ => None,
    };
    let meaning = root.as_deref().map_or(names::Meaning::Other, names::meaning);
    let name = run.text(callee);
    let name: String = name.chars().take(80).collect();
    let hosts: Vec<_> = args.all().flat_map(|arg| run.hosts_in(&arg.value)).collect();
    let function = !makes_value(callee) && args.all().any(|arg| is_function(run, &arg.value));
    if function {
        // Whoever is given a function may call it, with the tasks that it is given along.
        let mut dags = run.host.dags_of(&hosts);
        dags.extend(run.host.current_dag());
        for dag in dags {
            run.host.doubt(dag, at, format!("`{name}` may call a function that it is given"));
        }
    }
    if meaning == names::Meaning::Inert {
        return;
    }
    let structural: Vec<_> = hosts
        .iter()
        .copied()
        .filter(|host| {
            matches!(run.host.thing(*host), Thing::Dag(_) | Thing::Task(_) | Thing::Group(_) | Thing::Decorated(_))
        })
        .collect();
    for dag in run.host.dags_of(&structural) {
        run.host.doubt(dag, at, format!("`{name}` is not in the tree and may change the DAG that it is given"));
    }
    let Some(dag) = run.host.current_dag() else { return };
    let last = root.as_deref().and_then(|root| root.rsplit('.').next()).unwrap_or_default().to_owned();
    let builder = ["Operator", "Sensor", "Group", "Dag", "DAG"].iter().any(|suffix| last.ends_with(suffix));
    let grouped = builder || args.keyword("group_id").is_some() || args.keyword("dag_id").is_some();
    let value_object = matches!(callee, Value::Outside(_)) && names::starts_upper(&last) && !grouped;
    if !value_object {
        run.host.doubt(dag, at, format!("`{name}` is not in the tree and may make tasks"));
    }
}
