//! Arguments of tasks: outputs of other tasks that they take, and the functions that they run.

use super::edges::connect;
use super::known;
use super::names::{self, Meaning};
use super::world::{Output, Run, TakesState, Thing};
use super::{Declared, Step};
use crate::python::value::{Args, Argument, FunctionObject, Object, Ref, Stop, Unknown, Value};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Arguments that decide structure, what the model says of a task, or whether Airflow loads the file.
const DECISIVE: &[&str] = &[
    "task_id",
    "dag",
    "dag_id",
    "task_group",
    "group_id",
    "prefix_group_id",
    "parent_group",
    "add_suffix_on_collision",
    "default_args",
    "subdag",
    "start_date",
    "schedule",
    "schedule_interval",
    "timetable",
    "auto_register",
    "fail_stop",
    "fail_fast",
    "trigger_rule",
    "python_callable",
    "multiple_outputs",
    "inlets",
    "outlets",
    "template_fields",
];

/// The arguments of a call of Airflow's: those that may be missing (`if prod: options['pool'] = …`)
/// count as values that are not known, as long as structure does not depend on them.
pub(super) fn settled<'a>(run: &Run, path: &str, args: &'a Args) -> Cow<'a, Args> {
    let (Some(why), Some(maybe)) = (&args.unknown, &args.maybe) else { return Cow::Borrowed(args) };
    let version = run.host.version;
    let taken = |name: &str| match names::meaning(path) {
        Meaning::Dag | Meaning::DagDecorator => known::dag_argument(name, version),
        Meaning::TaskGroup | Meaning::GroupDecorator => known::group_argument(name, version),
        Meaning::TaskDecorator => !known::decorator_refuses(name, version),
        _ => known::class(path).is_none_or(|class| !class.refuses(name, version)),
    };
    let harmless = |(name, argument): &(crate::python::syntax::Name, Argument)| {
        !DECISIVE.contains(&&**name) && taken(name) && run.hosts_in(&argument.value).is_empty()
    };
    if !maybe.iter().all(harmless) {
        return Cow::Borrowed(args);
    }
    let mut settled = Args { unknown: None, maybe: None, ..args.clone() };
    for (name, argument) in maybe {
        if settled.keyword(name).is_none() {
            let text = format!("{} or nothing", run.text(&argument.value));
            let value = Unknown::new(why.reason.clone(), argument.at, text).value();
            settled.keywords.push((name.clone(), Argument { value, at: argument.at }));
        }
    }
    Cow::Owned(settled)
}

/// A use of outputs in an argument.
pub(super) struct Use {
    pub(super) tasks: BTreeSet<usize>,
    key: String,
    /// Where in the argument it stands; none if that is not known.
    path: Option<Vec<Step>>,
}

pub(super) fn uses(run: &Run, value: &Value, depth: usize, path: Option<&[Step]>, found: &mut Vec<Use>) {
    if depth == 0 {
        return;
    }
    if let Some(host) = run.host_of(value) {
        if let Thing::Output(Output { tasks, key, .. }) = run.host.thing(host) {
            found.push(Use { tasks: tasks.clone(), key: key.to_string(), path: path.map(<[Step]>::to_vec) });
        }
        return;
    }
    let Value::Object(object) = value else { return };
    let within = |step: Step| path.map(|path| path.iter().cloned().chain([step]).collect::<Vec<_>>());
    match run.object(*object) {
        Object::List(items) | Object::Tuple(items) => {
            for (index, item) in items.items.iter().enumerate().filter(|(_, item)| may_hold(item)) {
                uses(run, item, depth - 1, within(Step::Index(index)).as_deref(), found);
            }
        }
        Object::Dict(dict) => {
            for (key, value) in dict.pairs().iter().filter(|(_, value)| may_hold(value)) {
                let path = key.as_str().and_then(|key| within(Step::Key(key.to_string())));
                uses(run, value, depth - 1, path.as_deref(), found);
            }
        }
        Object::Set(items) => items.iter().for_each(|item| uses(run, item, depth - 1, None, found)),
        _ => {}
    }
}

/// Texts and numbers are most of what lists and dicts hold.
fn may_hold(value: &Value) -> bool {
    matches!(value, Value::Host(_) | Value::Object(_))
}

/// Texts and numbers are most of what calls are given, and hold no output.
fn may_depend(value: &Value) -> bool {
    may_hold(value) || matches!(value, Value::OneOf(_) | Value::Unknown(_))
}

/// The parameter of the task's function that receives what stands there in an argument, and where in
/// that.
fn parameter_of(run: &Run, task: usize, argument: &str, path: &[Step]) -> Option<(String, Vec<Step>)> {
    match (argument, path) {
        ("op_kwargs", [Step::Key(name), rest @ ..]) => Some((name.clone(), rest.to_vec())),
        ("op_args", [Step::Index(index), rest @ ..]) => {
            let Object::Function(function) = run.object(run.host.tasks[task].callable?) else { return None };
            Some((function.def.parameters.get(*index)?.name.to_string(), rest.to_vec()))
        }
        ("op_kwargs" | "op_args", _) => None,
        (name, path) => Some((name.to_owned(), path.to_vec())),
    }
}

/// Whether an output in that argument makes a dependency: not in one that every operator takes,
/// nor in one of Airflow's own operators that is no template. What a provider's operator takes is
/// taken for a template.
fn is_template(run: &Run, task: usize, argument: &str) -> bool {
    let version = run.host.version;
    if known::base_argument(argument, None) {
        return false;
    }
    let class = run.host.tasks[task].operator_path.as_deref().and_then(known::class);
    class.is_none_or(|class| known::is_template(class, argument, version))
}

/// Makes a task depend on the outputs in its arguments.
pub(super) fn depend(run: &mut Run, task: usize, args: &Args) -> Result<(), Stop> {
    let mut all = Vec::new();
    let named = args.keywords.iter().map(|(name, arg)| (Some(name), arg));
    let unnamed = args.positional.iter().map(|arg| (None, arg));
    for (name, arg) in named.chain(unnamed).filter(|(_, arg)| may_depend(&arg.value)) {
        if name.is_some_and(|name| !is_template(run, task, name)) {
            continue;
        }
        let mut found = Vec::new();
        uses(run, &arg.value, 12, Some(&[]), &mut found);
        all.extend(found.into_iter().map(|found| (name, arg.at, found)));
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
            && unknown.hosts.iter().any(|host| matches!(run.host.thing(*host), Thing::Output(_)))
            && let Some(dag) = run.host.tasks[task].dag
        {
            let reason = format!("an argument is made of outputs in a way that is not known: {}", unknown.reason);
            run.host.doubt(dag, arg.at, reason);
        }
    }
    for (parameter, used_at, found) in all {
        let into = parameter.zip(found.path).and_then(|(name, path)| parameter_of(run, task, name, &path));
        for producer in &found.tasks {
            let (parameter, path) = into.clone().unzip();
            let (producer, key) = (*producer, found.key.clone());
            let takes = TakesState { producer, key, parameter, path: path.unwrap_or_default(), at: used_at };
            run.host.tasks[task].takes.push(takes);
        }
        connect(run, &found.tasks, &BTreeSet::from([task]), Declared::Argument, used_at)?;
    }
    Ok(())
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

/// The function of the tree whose parameters and annotations a function shows: itself, or what it wraps
/// (`functools.wraps`); none where it wraps something else.
pub(super) fn shown<'r>(run: &'r Run, function: Ref) -> Option<&'r FunctionObject> {
    let mut at = function;
    loop {
        let Object::Function(function) = run.object(at) else { return None };
        match &function.wrapped {
            // What is wrapped was made before what wraps it, so that this ends.
            Some(Value::Object(wrapped)) => at = *wrapped,
            Some(_) => return None,
            None => return Some(function),
        }
    }
}
