//! Operators: calls of classes outside the tree that make a task, and instances of classes of the
//! tree that derive from them.

use super::make::{self, Making};
use super::member::{Defaults, dag_argument, task_of};
use super::world::{Doubt, Run, Thing};
use super::{arguments, mapping, names};
use crate::python::value::{Args, Argument, At, Object, Ref, Stop, Value};

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
    let args = making.args.clone();
    let value = make::task(run, making)?;
    if let Some(task) = task_of(run, &value) {
        arguments::depend(run, task, &args)?;
    }
    Ok(value)
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
    let mapping = mapping::mapping(run, expand, kwargs, at);
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
    let value = make::task(run, making)?;
    if let Some(task) = task_of(run, &value) {
        arguments::depend(run, task, &args)?;
        arguments::depend(run, task, expand)?;
        mapping::doubt_mapping(run, task);
    }
    Ok(value)
}

/// The base `__init__` of an operator of the tree.
pub(super) fn construct(run: &mut Run, instance: Ref, base: &str, args: &Args, at: At) -> Result<(), Stop> {
    let meaning = names::meaning(base);
    let open = args.unknown.is_some() && meaning == names::Meaning::Other && run.host.current_dag().is_some();
    let task_like = meaning == names::Meaning::Operator || args.keyword("task_id").is_some() || open;
    let host = match meaning {
        names::Meaning::Dag => Some(make::dag(run, args, at)),
        names::Meaning::TaskGroup => Some(make::group(run, args, false, at)?),
        names::Meaning::OtherGroup => Some(make::other_group(run, base, args, at)?),
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
    arguments::depend(run, task, &args)
}
