//! Operators: calls of classes outside the tree that make a task, and instances of classes of the
//! tree that derive from them.

use super::exchange::template;
use super::make::{self, Making};
use super::member::{Defaults, dag_argument, task_of};
use super::names::Meaning;
use super::refusal::{self, refuse};
use super::world::{Doubt, Given, Run, Thing};
use super::{arguments, known, mapping, names};
use crate::python::syntax::Name;
use crate::python::value::{Args, Argument, At, Object, Ref, Stop, Value};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A call of a class outside the tree that makes a task.
pub(super) fn operator(run: &mut Run, path: &str, args: &Args, at: At) -> Result<Value, Stop> {
    check(run, path, args, at)?;
    let mut args = args.clone();
    if args.keyword("task_id").is_none() && args.unknown.is_none() {
        let dag = dag_argument(run, &args).ok().flatten();
        if let Some(value) = Defaults::of(run, dag, run.host.current_group(), &args).get(run, "task_id") {
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
    let making = Making {
        operator: known::class_name(path).to_owned(),
        path: Some(path.to_owned()),
        args: Rc::new(args),
        mapped: None,
        callable,
        class: None,
        multiple_outputs,
        suffix: false,
        at,
    };
    connected(run, making)
}

/// Whether the class takes these arguments, with what `default_args` add.
fn check(run: &mut Run, path: &str, args: &Args, at: At) -> Result<(), Stop> {
    let dag = dag_argument(run, args).ok().flatten();
    let defaults = Defaults::of(run, dag, run.host.current_group(), args);
    refusal::operator_arguments(run, path, args, |run, name| defaults.gives(run, name) != Given::No, at)
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
        Value::Outside(path) => (known::class_name(path).to_owned(), Some(path.to_string())),
        Value::Object(object) => match run.object(*object) {
            Object::Class(class) => (class.name.to_string(), Some(class.path.to_string())),
            _ => ("?".to_owned(), None),
        },
        _ => ("?".to_owned(), None),
    };
    let own = match class {
        Value::Object(object) if matches!(run.object(*object), Object::Class(_)) => Some(*object),
        _ => None,
    };
    if let Some(path) = &path {
        expansion(run, path, partial, expand, kwargs, at)?;
    }
    if let Value::Object(class) = class {
        let mut names = partial.keywords.iter().chain(&expand.keywords).map(|(name, _)| name);
        if let Some(name) = names.find(|name| own_class_refuses(run, *class, name)) {
            refuse(run, "TypeError", format!("{operator} got an unexpected keyword argument `{name}`"), at)?;
        }
    }
    mapping::check_keys(run, expand)?;
    let mapping = mapping::mapping(run, expand, kwargs, at)?;
    let mut args = partial.clone();
    args.open_like(expand);
    let args = Rc::new(args);
    let callable = args.keyword("python_callable").and_then(|arg| arguments::function(run, &arg.value));
    let making = Making {
        operator,
        path,
        args: args.clone(),
        mapped: Some(mapping),
        callable,
        class: own,
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

/// Whether no `__init__` on the way up from a class of the tree has a parameter of that name: so Airflow
/// looks at what is mapped when it loads the file, whatever `**kwargs` would take.
fn own_class_refuses(run: &Run, class: Ref, name: &str) -> bool {
    let Object::Class(class) = run.object(class) else { return false };
    let version = run.host.version;
    class.order.iter().all(|entry| match entry {
        Value::Object(base) => match run.object(*base) {
            Object::Class(base) => match base.names.get("__init__") {
                None => base.dataclass.is_none(),
                Some(Value::Object(init)) => match run.object(*init) {
                    Object::Function(init) => !init.def.parameters.iter().any(|parameter| &*parameter.name == name),
                    _ => false,
                },
                Some(_) => false,
            },
            _ => false,
        },
        Value::Outside(path) if &**path == "builtins.object" => true,
        Value::Outside(path) => known::class(path).is_some_and(|class| class.refuses(name, version)),
        _ => false,
    })
}

/// Whether an operator can be mapped so.
fn expansion(run: &mut Run, path: &str, partial: &Args, expand: &Args, kwargs: bool, at: At) -> Result<(), Stop> {
    let class = known::class(path);
    let mut names = partial.keywords.iter().chain(&expand.keywords).map(|(name, _)| name);
    if let Some(name) = names.find(|name| class.is_some_and(|class| class.refuses(name, run.host.version))) {
        return refuse(run, "TypeError", format!("got an unexpected keyword argument `{name}`"), at);
    }
    let own = path.starts_with("airflow.");
    let again = expand.keywords.iter().map(|(name, _)| name).find(|name| {
        !kwargs && (partial.keyword(name).is_some() || own && known::never_mapped(name, run.host.version))
    });
    match again {
        Some(name) => refuse(run, "TypeError", format!("unmappable or already specified argument: `{name}`"), at),
        None => Ok(()),
    }
}

/// The base `__init__` of an operator of the tree.
pub(super) fn construct(run: &mut Run, instance: Ref, base: &str, args: &Args, at: At) -> Result<(), Stop> {
    let meaning = names::meaning(base);
    let open = args.unknown.is_some() && meaning == names::Meaning::Other && run.host.current_dag().is_some();
    let task_like = meaning == names::Meaning::Operator || args.keyword("task_id").is_some() || open;
    let host = match meaning {
        names::Meaning::Dag => Some(make::dag(run, args, at)?),
        names::Meaning::TaskGroup => Some(make::group(run, args, false, at)?),
        names::Meaning::OtherGroup => Some(make::other_group(run, base, args, at)?),
        _ if task_like => {
            let Object::Instance(object) = run.object(instance) else { return Ok(()) };
            let own = object.class;
            let (class, path) = match run.object(object.class) {
                Object::Class(class) => (class.name.to_string(), class.path.to_string()),
                _ => ("?".to_owned(), String::new()),
            };
            check(run, base, args, at)?;
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
                args: Rc::new(args),
                mapped: None,
                callable,
                class: Some(own),
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

/// Adds to a call of an `__init__` of the tree what `default_args` gives to its parameters: Airflow
/// does so for every operator class on the way up.
pub(super) fn apply_defaults(run: &mut Run, class: Ref, init: Ref, args: &mut Args, at: At) -> Result<(), Stop> {
    let meanings: Vec<Meaning> = run.outside_bases(class).iter().map(|base| names::meaning(base)).collect();
    if !meanings.iter().any(|meaning| matches!(meaning, Meaning::Operator | Meaning::Other)) {
        return Ok(());
    }
    let certain = meanings.contains(&Meaning::Operator);
    let Object::Function(function) = run.object(init).clone() else { return Ok(()) };
    if certain && !args.positional.is_empty() {
        return refuse(run, "AirflowException", "operators take keyword arguments only", at);
    }
    let dag = dag_argument(run, args).ok().flatten();
    let defaults = Defaults::of(run, dag, run.host.current_group(), args);
    for (position, parameter) in function.def.parameters.iter().enumerate().skip(1) {
        if !parameter.kind.takes_name() || args.get(position - 1, &parameter.name).is_some() {
            continue;
        }
        if let Some(value) = defaults.get(run, &parameter.name) {
            args.keywords.push((parameter.name.clone(), Argument { value, at }));
        } else if certain
            && parameter.default.is_none()
            && &*parameter.name != "task_id"
            && args.unknown.is_none()
            && defaults.gives(run, &parameter.name) == Given::No
        {
            refuse(run, "AirflowException", format!("missing keyword argument `{}`", parameter.name), at)?;
        }
    }
    Ok(())
}

/// What an instance of a class of the tree holds that Airflow may render, by the names of its
/// attributes: templates, names of template files, outputs of other tasks.
fn keep_templates(run: &mut Run, task: usize, attributes: &BTreeMap<Name, Value>) {
    for (name, value) in attributes {
        let is_template = |text: &str| template::is_template(text) || template::is_file_name(text);
        let template = value.as_str().is_some_and(|text| is_template(text));
        if (template || !run.hosts_in(value).is_empty()) && !run.host.tasks[task].arguments.contains_key(&**name) {
            let text = run.text(value);
            run.host.tasks[task].arguments.insert(name.clone(), text);
        }
    }
}

/// After the outermost `__init__`: what the template fields of an instance depend on.
pub(super) fn constructed(run: &mut Run, instance: Ref, at: At) -> Result<(), Stop> {
    let Object::Instance(object) = run.object(instance).clone() else { return Ok(()) };
    let Some(host) = object.host else {
        // Its `__init__` may have reached that of the operator by a way that is not followed.
        if run.outside_bases(object.class).iter().any(|base| names::meaning(base) == Meaning::Operator) {
            for dag in 0..run.host.dags.len() {
                run.host.doubt(dag, at, "an operator of the tree whose `__init__` is not followed");
            }
        }
        return Ok(());
    };
    let Thing::Task(task) = *run.host.thing(host) else { return Ok(()) };
    keep_templates(run, task, &object.attributes);
    let Some((Ok(fields), _)) = run.find_in_class(object.class, "template_fields", None) else { return Ok(()) };
    let Some(fields) = run.items(&fields).map(<[Value]>::to_vec) else {
        // Fields that are not known may hold any output that the instance holds.
        let outputs = object.attributes.values().any(|value| !run.hosts_in(value).is_empty());
        if outputs && let Some(dag) = run.host.tasks[task].dag {
            run.host.doubt(dag, at, "the template fields of an operator are not known");
        }
        return Ok(());
    };
    run.host.tasks[task].fields = fields.iter().map(|field| Some(Box::from(&**field.as_str()?))).collect();
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
