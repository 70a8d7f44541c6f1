//! `@task` and its kinds, `@setup`, `@teardown`: functions that make a task when they are called.

use super::arguments;
use super::known;
use super::make::{self, Making};
use super::mapping;
use super::member::task_of;
use super::names;
use super::output;
use super::refusal::{older, refuse};
use super::signature;
use super::world::{Decorated, Run, Thing};
use crate::python::syntax::{Expr, ExprKind};
use crate::python::value::{Args, Argument, At, Object, Ref, Stop, Unknown, Value, last_name};
use std::rc::Rc;

/// `@task` with or without arguments: called with the function, or with what it will be made of.
pub(super) fn task_decorator(run: &mut Run, path: &str, args: &Args, at: At) -> Result<Value, Stop> {
    let kind = names::task_kind(path).unwrap_or_default();
    if known::kind_is_missing(kind, run.host.version) {
        refuse(run, "AttributeError", format!("this release has no task decorator `{kind}`"), at)?;
    }
    let function = args
        .positional
        .first()
        .map(|arg| arg.value.clone())
        .or_else(|| args.keyword("python_callable").map(|arg| arg.value.clone()));
    let path: Rc<str> = path.into();
    if matches!(kind, "run_if" | "skip_if") {
        // These take a condition, and give what decorates a decorated function.
        return Ok(run.host.add(Thing::TaskDecorator { path, args: Args::default() }));
    }
    match function {
        Some(function) if kind != "stub" || !matches!(function, Value::None) => {
            decorate_task(run, &path, &function, Args { positional: Vec::new(), ..args.clone() }, at)
        }
        _ => Ok(run.host.add(Thing::TaskDecorator { path, args: args.clone() })),
    }
}

/// Gives a decorator its function.
pub(super) fn decorate_task(
    run: &mut Run,
    path: &Rc<str>,
    function: &Value,
    args: Args,
    at: At,
) -> Result<Value, Stop> {
    let kind = names::task_kind(path).unwrap_or_default();
    let callable = match function {
        Value::Object(object) => match run.object(*object) {
            Object::Partial { .. } => Some(false),
            Object::Bound { .. } => Some(true),
            _ => None,
        },
        Value::Str(_) => Some(false),
        value => super::refusal::no_text(value).then_some(false),
    };
    if callable == Some(false) {
        refuse(run, "AttributeError", "`@task` takes functions: this has no annotations", at)?;
    }
    if callable == Some(true)
        && let Some(dag) = run.host.current_dag()
    {
        run.host.doubt(dag, at, "a method as the function of a task is not followed");
    }
    if callable.is_none()
        && let Some(Object::Function(function)) =
            arguments::function(run, function).map(|function| run.object(function))
        && function.def.parameters.iter().any(|parameter| &*parameter.name == "self")
        && !matches!(kind, "run_if" | "skip_if")
    {
        refuse(run, "TypeError", "`@task` takes no methods", at)?;
    }
    // `@task.run_if` and `@task.skip_if` wrap a decorated function; `@task` may wrap a `@setup`.
    if let Some(Thing::Decorated(inner)) = run.host_of(function).map(|host| run.host.thing(host).clone()) {
        if matches!(kind, "run_if" | "skip_if") {
            return Ok(function.clone());
        }
        let decorated = Decorated { path: path.clone(), kind: kind.into(), args, ..inner };
        return Ok(run.host.add(Thing::Decorated(decorated)));
    }
    Ok(run.host.add(Thing::Decorated(Decorated {
        function: function.clone(),
        path: path.clone(),
        kind: kind.into(),
        args,
        partial: None,
        setup: false,
        teardown: false,
    })))
}

/// `@setup`, `@teardown`, on a function or on a decorated one.
pub(super) fn setup_teardown(run: &mut Run, setup: bool, args: &Args, at: At) -> Result<Value, Stop> {
    if older(run.host.version, 2, 7) {
        refuse(run, "AirflowException", "setups and teardowns are disabled before 2.7", at)?;
    }
    let Some(function) = args.positional.first().map(|arg| arg.value.clone()) else {
        // `@teardown(on_failure_fail_dagrun=True)`.
        return Ok(Value::outside(if setup { "airflow.decorators.setup" } else { "airflow.decorators.teardown" }));
    };
    let mut decorated = match run.host_of(&function).map(|host| run.host.thing(host).clone()) {
        Some(Thing::Decorated(decorated)) => decorated,
        Some(Thing::GroupFactory { .. }) => return Ok(function),
        _ => Decorated {
            function,
            path: "airflow.decorators.task".into(),
            kind: "".into(),
            args: Args::default(),
            partial: None,
            setup: false,
            teardown: false,
        },
    };
    decorated.setup |= setup;
    decorated.teardown |= !setup;
    Ok(run.host.add(Thing::Decorated(decorated)))
}

pub(super) fn function_name(run: &Run, function: &Value) -> Option<(Rc<str>, At)> {
    let function = arguments::function(run, function)?;
    let Object::Function(function) = run.object(function) else { return None };
    Some((function.name().clone(), At::new(function.file, function.def.name_span)))
}

/// Calls a decorated function: makes its task and gives its output.
pub(super) fn call_decorated(run: &mut Run, decorated: &Decorated, args: &Args, at: At) -> Result<Value, Stop> {
    make_decorated(run, decorated, args, None, at)
}

/// `f.expand(…)`, `f.expand_kwargs(…)`.
pub(super) fn expand_decorated(
    run: &mut Run,
    decorated: &Decorated,
    args: &Args,
    kwargs: bool,
    at: At,
) -> Result<Value, Stop> {
    if !kwargs
        && let Some(shown) = arguments::function(run, &decorated.function).and_then(|of| arguments::shown(run, of))
    {
        let def = shown.def.clone();
        if let Some((name, _)) = args.keywords.iter().find(|(name, _)| !signature::takes(&def, name)) {
            refuse(run, "TypeError", format!("expand() got an unexpected keyword argument `{name}`"), at)?;
        }
    }
    mapping::check_keys(run, args)?;
    let mapping = mapping::mapping(run, args, kwargs, at)?;
    make_decorated(run, decorated, args, Some(mapping), at)
}

fn make_decorated(
    run: &mut Run,
    decorated: &Decorated,
    call: &Args,
    mapped: Option<super::world::MappingState>,
    at: At,
) -> Result<Value, Stop> {
    let function = arguments::function(run, &decorated.function);
    let mut args = arguments::settled(run, &decorated.path, &decorated.args).into_owned();
    if args.keyword("task_id").is_none() {
        let argument = if let Some((name, at)) = function_name(run, &decorated.function) {
            Argument { value: Run::text_value(name, at), at }
        } else {
            let why = Unknown::new("the decorated function is not in the tree", at, run.text(&decorated.function));
            Argument { value: why.value(), at }
        };
        args.keywords.push(("task_id".into(), argument));
    }
    if mapped.is_none()
        && known::is_own_kind(&decorated.kind)
        && let Some(of) = function.and_then(|function| arguments::shown(run, function))
        && matches!(&decorated.function, Value::Object(direct) if Some(*direct) == function)
    {
        let def = of.def.clone();
        let all: Vec<&Args> = decorated.partial.iter().chain([call]).collect();
        if let Some(why) = signature::misfit(&def, &all, run.host.version) {
            refuse(run, "TypeError", format!("{}: {why}", def.name), at)?;
        }
    }
    check_decorator(run, decorated, function, mapped.is_some(), at)?;
    let operator = names::decorated_operator(&decorated.kind);
    let multiple_outputs = match args.keyword("multiple_outputs").map(|arg| arg.value.clone()) {
        Some(value) => run.truth(&value, at).ok(),
        // A sensor's answer is not taken apart.
        None if &*decorated.kind == "sensor" => None,
        None => function.filter(|function| returns_mapping(run, *function)).map(|_| true),
    };
    let mut making_args = args.clone();
    // Arguments of the call are the work's own; they are compared with the rest.
    for (name, argument) in named_arguments(run, function, call, decorated.partial.as_ref()) {
        making_args.keywords.push((format!("{name}()").into(), argument));
    }
    if let Some(why) = call.unknown.as_ref().or(decorated.partial.as_ref().and_then(|partial| partial.unknown.as_ref()))
    {
        // What a task is called with changes no structure unless outputs are in it.
        let maybe = call.maybe.iter().flatten().any(|(_, argument)| !run.hosts_in(&argument.value).is_empty());
        if (maybe || !why.hosts.is_empty())
            && let Some(dag) = run.host.current_dag()
        {
            run.host.doubt(dag, at, format!("arguments of a task are not known: {}", why.reason));
        }
    }
    let making = Making {
        operator,
        path: Some(decorated.path.to_string()),
        args: making_args.into(),
        mapped,
        callable: function,
        class: None,
        multiple_outputs,
        suffix: true,
        at,
    };
    let value = make::task(run, making)?;
    let Some(task) = task_of(run, &value) else { return Ok(value) };
    run.host.tasks[task].setup = decorated.setup;
    run.host.tasks[task].teardown = decorated.teardown;
    if decorated.teardown && run.host.tasks[task].trigger_rule.is_none() {
        run.host.tasks[task].trigger_rule = Some("all_done_setup_success".to_owned());
    }
    let named = named_arguments(run, function, call, decorated.partial.as_ref());
    let mut inputs = Args { keywords: named, ..Args::default() };
    inputs.keywords.extend(args.keywords.iter().filter(|(name, _)| &**name != "task_id").cloned());
    arguments::depend(run, task, &inputs)?;
    if run.host.tasks[task].mapped.is_some() {
        mapping::doubt_mapping(run, task);
    }
    Ok(output::of(run, task, "return_value"))
}

/// Whether a plain `@task` takes its arguments, and whether the function's parameters that a run
/// fills in have no other default.
fn check_decorator(
    run: &mut Run,
    decorated: &Decorated,
    function: Option<Ref>,
    mapped: bool,
    at: At,
) -> Result<(), Stop> {
    let version = run.host.version;
    if matches!(&*decorated.kind, "" | "python")
        && let Some((name, _)) =
            decorated.args.keywords.iter().find(|(name, _)| known::decorator_refuses(name, version))
    {
        return refuse(run, "TypeError", format!("`@task` got an argument that it does not take: `{name}`"), at);
    }
    let Some(function) = function.and_then(|function| arguments::shown(run, function)) else { return Ok(()) };
    if mapped || older(version, 2, 7) {
        return Ok(());
    }
    let given = function.def.parameters.iter().zip(&function.defaults).find(|(parameter, default)| {
        let known = !matches!(default, None | Some(Value::None | Value::Unknown(_) | Value::OneOf(_)));
        known && known::lasting_context_key(&parameter.name)
    });
    match given.map(|(parameter, _)| parameter.name.clone()) {
        Some(name) => {
            let message = format!("the parameter `{name}` has its value from a run, and no default but `None`");
            refuse(run, "ValueError", message, at)
        }
        None => Ok(()),
    }
}

/// `f.partial(…)`: every name must be one of the function, and none that a run fills in.
pub(super) fn check_partial(run: &mut Run, decorated: &Decorated, args: &Args, at: At) -> Result<(), Stop> {
    let Some(function) = arguments::function(run, &decorated.function) else { return Ok(()) };
    let Some(shown) = arguments::shown(run, function) else { return Ok(()) };
    let def = shown.def.clone();
    let unknown = args.keywords.iter().map(|(name, _)| name.clone()).find(|name| !signature::takes(&def, name));
    if let Some(name) = unknown {
        return refuse(run, "TypeError", format!("partial() got an unexpected keyword argument `{name}`"), at);
    }
    let context = args.keywords.iter().map(|(name, _)| name.clone()).find(|name| known::lasting_context_key(name));
    match context {
        Some(name) => refuse(run, "ValueError", format!("partial() of `{name}`, which has its value from a run"), at),
        None => Ok(()),
    }
}

/// The arguments of a TaskFlow call by the names of the function's parameters.
fn named_arguments(run: &Run, function: Option<Ref>, call: &Args, partial: Option<&Args>) -> Vec<(Rc<str>, Argument)> {
    let parameters: Vec<Rc<str>> = match function.map(|function| run.object(function)) {
        Some(Object::Function(function)) => {
            let by_place = function.def.parameters.iter().filter(|parameter| parameter.kind.takes_place());
            by_place.map(|parameter| parameter.name.clone()).collect()
        }
        _ => Vec::new(),
    };
    let mut named = Vec::new();
    for args in partial.into_iter().chain([call]) {
        for (index, argument) in args.positional.iter().enumerate() {
            let name = parameters.get(index).cloned().unwrap_or_else(|| format!("[{index}]").into());
            named.push((name, argument.clone()));
        }
        named.extend(args.keywords.iter().cloned());
    }
    named
}

/// Whether a return annotation is a mapping: Airflow then splits the returned dict.
fn returns_mapping(run: &Run, function: Ref) -> bool {
    let Some(function) = arguments::shown(run, function) else { return false };
    let Some(mut returns) = function.def.returns.as_ref() else { return false };
    if let ExprKind::Subscript(object, _) = &returns.kind {
        returns = object;
    }
    is_mapping(run, returns, function.scope)
}

fn is_mapping(run: &Run, annotation: &Expr, scope: crate::python::value::ScopeRef) -> bool {
    let Some(name) = last_name(annotation) else { return false };
    let name = name.split('[').next().unwrap_or(name);
    if older(run.host.version, 2, 7) {
        // `ttype == dict or ttype == Dict` (2.6.2), and no kind of mapping else.
        return matches!(name, "dict" | "Dict");
    }
    if matches!(name, "dict" | "Dict" | "Mapping" | "MutableMapping" | "OrderedDict" | "DefaultDict" | "TypedDict") {
        return true;
    }
    // A `TypedDict` of the tree.
    match run.names(scope).get(name) {
        Some(Value::Object(object)) => {
            run.outside_bases(*object).iter().any(|base| base.ends_with(".TypedDict") || &**base == "builtins.dict")
        }
        _ => false,
    }
}
