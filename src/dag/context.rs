//! What is open while tasks are made: `with` over DAGs, groups, setups and teardowns, and the
//! bodies of `@dag` and `@task_group` functions.

use super::Declared;
use super::arguments;
use super::edges;
use super::make;
use super::mapping;
use super::refusal;
use super::setup;
use super::taskflow::function_name;
use super::world::{Output, OutputKind, Run, Thing};
use crate::python::interpret::HostRef;
use crate::python::value::{Args, Argument, At, Object, Stop, Unknown, Value};
use std::collections::BTreeSet;
use std::rc::Rc;

/// The text of a `@dag` without parentheses where that is none.
pub(super) const BARE_DAG: &str = "@dag without parentheses";

/// `@dag` with or without arguments.
pub(super) fn dag_decorator(run: &mut Run, args: &Args, at: At) -> Result<Value, Stop> {
    // From 3.0 on the decorator takes any, and the DAG is refused when it is made.
    if run.host.major() == Some(2) {
        refusal::dag_names(run, args, at)?;
    }
    let function =
        args.positional.first().map(|arg| arg.value.clone()).filter(|value| arguments::function(run, value).is_some());
    Ok(match function {
        // Before 3.0 a `@dag` without parentheses takes the function for the id.
        Some(_) if run.host.major() == Some(2) => run.host.add(Thing::Opaque(BARE_DAG.into())),
        Some(function) => {
            run.host.add(Thing::DagFactory { function, args: Args { positional: Vec::new(), ..args.clone() } })
        }
        None => run.host.add(Thing::DagDecorator(args.clone())),
    })
}

/// Calls a `@dag` function: makes the DAG, runs the body in it.
pub(super) fn call_dag(run: &mut Run, function: &Value, decorator: &Args, call: &Args, at: At) -> Result<Value, Stop> {
    let mut args = decorator.clone();
    let given = args.value(0, "dag_id").is_some_and(|value| !matches!(value, Value::None));
    if !given && let Some((name, name_at)) = function_name(run, function) {
        args.positional.clear();
        args.set_keyword("dag_id", Argument { value: Run::text_value(name, name_at), at: name_at });
    }
    let dag = make::dag(run, &args, at)?;
    let Value::Host(host) = dag else { return Ok(dag) };
    enter(run, host, at)?;
    let mut inputs = Args::default();
    if let Some(function) = arguments::function(run, function)
        && let Object::Function(function) = run.object(function)
    {
        for (place, parameter) in function.def.clone().parameters.iter().enumerate() {
            if parameter.kind.takes_name() || parameter.kind.takes_place() {
                let given = call.value(place, &parameter.name).map(|value| run.text(value));
                let default = || parameter.default.as_ref().map(crate::python::canonical::expression);
                let default = given.or_else(default).unwrap_or_else(|| "NOTSET".to_owned());
                let dag = match run.host.things.get(host.0) {
                    Some(Thing::Dag(dag)) => Some(*dag),
                    _ => None,
                };
                let value = dag_param(run, dag, &parameter.name, Some(default), at);
                inputs.keywords.push((parameter.name.clone(), Argument { value, at }));
            }
        }
    }
    let result = run.call(function, inputs, at);
    leave(run, host, at)?;
    result?;
    Ok(dag)
}

/// A `DagParam` of that DAG: its value is that of a run.
pub(super) fn dag_param(run: &mut Run, dag: Option<usize>, name: &str, default: Option<String>, at: At) -> Value {
    if let Some((params, default)) = dag.and_then(|dag| run.host.dags[dag].params.as_mut()).zip(default) {
        params.entry(name.to_owned()).or_insert(default);
    }
    Unknown::new("a DAG parameter has its value in a run", at, format!("dag.param({name:?})")).value()
}

/// `@task_group` with or without arguments.
pub(super) fn group_decorator(run: &mut Run, args: &Args) -> Value {
    let function =
        args.positional.first().map(|arg| arg.value.clone()).filter(|value| arguments::function(run, value).is_some());
    if let Some(function) = function {
        let args = Args { positional: Vec::new(), ..args.clone() };
        return run.host.add(Thing::GroupFactory { function, args, partial: Args::default() });
    }
    // A text in the place of the function is passed over.
    let known = args.positional.first().is_none_or(|arg| arg.value.as_str().is_some());
    let positional = if known { Vec::new() } else { args.positional.clone() };
    run.host.add(Thing::GroupDecorator(Args { positional, ..args.clone() }))
}

/// Calls a `@task_group` function, mapped or not.
pub(super) fn call_group(
    run: &mut Run,
    (function, decorator, partial): (&Value, &Args, &Args),
    call: &Args,
    mapped: Option<bool>,
    at: At,
) -> Result<Value, Stop> {
    let mut args = decorator.clone();
    if args.value(0, "group_id").is_none()
        && let Some((name, name_at)) = function_name(run, function)
    {
        args.set_keyword("group_id", Argument { value: Run::text_value(name, name_at), at: name_at });
    }
    let value = make::group(run, &args, true, at)?;
    let Value::Host(host) = value else { return Ok(value) };
    let Thing::Group(group) = *run.host.thing(host) else { return Ok(value) };
    let mut inputs = partial.clone();
    inputs.open_like(call);
    let mut producers = BTreeSet::new();
    match mapped {
        None => {
            inputs.positional.extend(call.positional.iter().cloned());
            inputs.keywords.extend(call.keywords.iter().cloned());
        }
        Some(kwargs) => {
            if !refusal::older(run.host.version, 2, 7) {
                mapping::check_keys(run, call)?;
            }
            let mapping = mapping::mapping(run, call, kwargs, at)?;
            producers = mapping.over.iter().flat_map(|over| over.tasks.iter().copied()).collect();
            if let Some(dag) = run.host.groups[group].dag {
                mapping::doubt_over(run, dag, &mapping);
            }
            mapped_inputs(run, function, call, kwargs, &producers, &mut inputs);
            run.host.groups[group].mapped = Some(mapping);
        }
    }
    enter(run, host, at)?;
    let result = run.call(function, inputs, at);
    leave(run, host, at)?;
    let result = result?;
    // In 2.6 the group is put after them before it has members, so that those are not.
    if !producers.is_empty() && !refusal::older(run.host.version, 2, 7) {
        let first = edges::group_tasks(run, group);
        let first = first.iter().copied().filter(|task| run.host.tasks[*task].up.is_disjoint(&first)).collect();
        edges::connect(run, &producers, &first, Declared::Argument, at)?;
    }
    Ok(if matches!(result, Value::None) { value } else { result })
}

/// What a mapped group's function is called with: one element each, known in a run.
fn mapped_inputs(
    run: &mut Run,
    function: &Value,
    call: &Args,
    kwargs: bool,
    producers: &BTreeSet<usize>,
    inputs: &mut Args,
) {
    let given: Vec<(Rc<str>, At)> = if kwargs {
        let Some(function) = arguments::function(run, function) else { return };
        let Object::Function(function) = run.object(function) else { return };
        let at = call.positional.first().map(|arg| arg.at);
        let names = function.def.parameters.iter().map(|parameter| parameter.name.clone());
        names.filter(|name| inputs.keyword(name).is_none()).filter_map(|name| at.map(|at| (name, at))).collect()
    } else {
        call.keywords.iter().map(|(name, arg)| (name.clone(), arg.at)).collect()
    };
    for (name, at) in given {
        // Whichever argument a task takes, it comes after all that the group is mapped over.
        let tasks = producers.clone();
        let text = format!("element of {name}").into();
        let key = "return_value".into();
        let value = run.host.add(Thing::Output(Output { kind: OutputKind::Element, tasks, key, custom: false, text }));
        inputs.keywords.push((name, Argument { value, at }));
    }
}

/// Whether something can stand in a `with`.
pub(super) fn is_context(run: &Run, host: HostRef) -> bool {
    matches!(run.host.thing(host), Thing::Dag(_) | Thing::Group(_) | Thing::Output(_) | Thing::Task(_))
}

/// Opens a DAG, a group, a setup or a teardown; gives what `as` binds, unless that is itself.
pub(super) fn enter(run: &mut Run, host: HostRef, at: At) -> Result<Option<Value>, Stop> {
    let mut bound = None;
    match run.host.thing(host).clone() {
        Thing::Dag(dag) => run.host.dag_stack.push(dag),
        Thing::Group(group) => run.host.group_stack.push(group),
        Thing::Output(Output { tasks, .. }) => {
            if let Some(task) = tasks.first() {
                setup::open_setup(run, *task, at)?;
            }
            bound = Some(Value::outside(SETUP_CONTEXT));
        }
        Thing::Task(task) => {
            setup::open_setup(run, task, at)?;
            bound = Some(Value::outside(SETUP_CONTEXT));
        }
        _ => {}
    }
    Ok(bound)
}

/// What `with` over a setup or a teardown gives: neither its task nor its output.
const SETUP_CONTEXT: &str = "airflow.utils.setup_teardown.SetupTeardownContext";

/// Closes what [`enter`] opened.
pub(super) fn leave(run: &mut Run, host: HostRef, at: At) -> Result<(), Stop> {
    match run.host.thing(host).clone() {
        Thing::Dag(dag) => {
            run.host.dag_stack.pop();
            let registers = run.host.version.is_none_or(|version| version.major > 2 || version.minor >= 4);
            if registers && run.host.dags[dag].auto_register {
                run.host.registered.insert(dag);
            }
        }
        Thing::Group(_) => {
            run.host.group_stack.pop();
        }
        Thing::Output(_) | Thing::Task(_) => setup::close_setup(run, at)?,
        _ => {}
    }
    Ok(())
}
