//! Outputs of tasks (`XComArg`): what they offer, and what Airflow refuses of them.
//!
//! Measured on 2.6.2, 2.11.2 and 3.3.2; what only some of them have is taken to be there in
//! between.

use super::refusal::{older, refuse};
use super::world::{Output, OutputKind, Run, Thing};
use crate::python::interpret::HostRef;
use crate::python::syntax::{BinaryOp, ExprKind, Stmt, StmtKind, without_docstring};
use crate::python::value::{Args, At, Object, Stop, Value};
use std::collections::BTreeSet;
use std::rc::Rc;

/// The key of what a task returns.
const RETURNED: &str = "return_value";

/// The output of one task.
pub(super) fn of(run: &mut Run, task: usize, key: &str) -> Value {
    let id = run.host.tasks[task].id.exact().map_or("?", |id| id);
    let text = format!("output({id}, {key})").into();
    run.host.add(plain(BTreeSet::from([task]), key.into(), text))
}

/// What tasks return.
pub(super) fn returned(tasks: BTreeSet<usize>, text: &str) -> Thing {
    plain(tasks, RETURNED.into(), text.into())
}

fn plain(tasks: BTreeSet<usize>, key: Rc<str>, text: Rc<str>) -> Thing {
    let custom = &*key != RETURNED;
    Thing::Output(Output { kind: OutputKind::Plain, tasks, key, custom, text })
}

/// `output.map(…)` and the like.
pub(super) fn method(run: &mut Run, output: &Output, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
    if output.kind == OutputKind::Element {
        return Ok(None);
    }
    if lacks(output.kind, name, run) {
        refuse(run, "AttributeError", format!("the output of a task has no attribute `{name}`"), at)?;
    }
    let kind = match name {
        "map" => OutputKind::Map,
        "zip" => OutputKind::Zip,
        "concat" => OutputKind::Concat,
        _ => return Ok(None),
    };
    if output.kind == OutputKind::Plain && output.custom {
        refuse(run, "ValueError", format!("`{name}` of an output by a key that is not what the task returns"), at)?;
    }
    let mut made = Output { kind, ..output.clone() };
    for arg in args.all() {
        let other = run.host_of(&arg.value).map(|host| run.host.thing(host).clone());
        match other {
            Some(Thing::Output(other)) => {
                made.tasks.extend(other.tasks);
                made.custom |= other.custom;
            }
            Some(Thing::Decorated(_)) if kind == OutputKind::Map => {
                refuse(run, "ValueError", "`map` takes a plain function, not a `@task`", at)?;
            }
            _ => {}
        }
    }
    if kind == OutputKind::Map && args.all().all(|arg| gives_back(run, &arg.value)) {
        // Each element is what it was.
        return Ok(Some(run.host.add(Thing::Output(made))));
    }
    let unnamed = args.positional.iter().map(|arg| run.text(&arg.value));
    let named = args.keywords.iter().map(|(name, arg)| format!("{name}={}", run.text(&arg.value)));
    let texts: Vec<String> = unnamed.chain(named).collect();
    made.text = format!("{}.{name}({})", output.text, texts.join(", ")).into();
    Ok(Some(run.host.add(Thing::Output(made))))
}

/// Whether a function gives back what it is given, and does nothing else.
fn gives_back(run: &Run, function: &Value) -> bool {
    let Value::Object(function) = function else { return false };
    let Object::Function(function) = run.object(*function) else { return false };
    match (function.def.parameters.as_slice(), without_docstring(&function.def.body)) {
        ([taken], [Stmt { kind: StmtKind::Return(Some(given)), .. }]) => {
            matches!(&given.kind, ExprKind::Name(name) if *name == taken.name) && taken.kind.takes_name()
        }
        _ => false,
    }
}

/// `output[key]`.
pub(super) fn item(run: &mut Run, output: &Output, key: &Value, at: At) -> Result<Value, Stop> {
    if output.kind != OutputKind::Plain {
        let what = match output.kind {
            OutputKind::Element => "an element of what a group is mapped over",
            _ => "an output that is mapped, zipped or concatenated",
        };
        refuse(run, "TypeError", format!("{what} cannot be subscripted"), at)?;
    } else if matches!(key, Value::Int(_) | Value::Bool(_) | Value::None | Value::Float(_)) {
        refuse(run, "ValueError", "the output of a task is looked up by text only", at)?;
    }
    let text = format!("{}[{}]", output.text, run.text(key)).into();
    let key = key.as_str().cloned().unwrap_or_else(|| RETURNED.into());
    let custom = &*key != RETURNED;
    Ok(run.host.add(Thing::Output(Output { key, custom, text, ..output.clone() })))
}

/// Checks that an output has an attribute.
pub(super) fn check_attribute(run: &mut Run, object: HostRef, name: &str, at: At) -> Result<(), Stop> {
    let Thing::Output(output) = run.host.thing(object) else { return Ok(()) };
    if output.kind != OutputKind::Element && lacks(output.kind, name, run) {
        refuse(run, "AttributeError", format!("the output of a task has no attribute `{name}`"), at)?;
    }
    Ok(())
}

/// Whether an output of that kind certainly has no such attribute.
fn lacks(kind: OutputKind, name: &str, run: &Run) -> bool {
    /// What all kinds have in some release.
    const ALL: &str = " apply_upstream_relationship as_setup as_teardown concat get_task_map_length iter_references \
iter_xcom_references leaves map resolve roots set_downstream set_upstream update_relative zip ";
    let own = match kind {
        OutputKind::Plain => " is_setup is_teardown key on_failure_fail_dagrun operator ",
        OutputKind::Map => " arg callables ",
        OutputKind::Zip | OutputKind::Concat => " args fillvalue ",
        OutputKind::Element => return false,
    };
    let word = format!(" {name} ");
    // Before 2.7 (measured on 2.6.2) there is no `concat`; setups are refused in their own words.
    let early = older(run.host.version, 2, 7) && name == "concat";
    early || !name.starts_with('_') && !ALL.contains(&word) && !own.contains(&word)
}

/// Refuses to map over anything but what tasks return, wherever it stands in a list or dict.
pub(super) fn check_mapped(run: &mut Run, value: &Value, depth: usize, at: At) -> Result<(), Stop> {
    if depth == 0 {
        return Ok(());
    }
    if let Some(Thing::Output(output)) = run.host_of(value).map(|host| run.host.thing(host)) {
        let custom = output.custom.then(|| output.key.clone());
        return match custom {
            Some(key) => refuse(run, "ValueError", format!("mapping over an output by the key `{key}`"), at),
            None => Ok(()),
        };
    }
    let Value::Object(object) = value else { return Ok(()) };
    let items: Vec<Value> = match run.object(*object) {
        Object::List(items) | Object::Tuple(items) => items.items.clone(),
        Object::Dict(dict) => dict.pairs().iter().map(|(_, value)| value.clone()).collect(),
        _ => return Ok(()),
    };
    // Texts and numbers are most of what is mapped over.
    for item in items.iter().filter(|item| matches!(item, Value::Host(_) | Value::Object(_))) {
        check_mapped(run, item, depth - 1, at)?;
    }
    Ok(())
}

/// Refuses arithmetic with an output; only a text formats it (`'…' % output`).
pub(super) fn check_operator(run: &mut Run, op: BinaryOp, left: &Value, right: &Value, at: At) -> Result<(), Stop> {
    let is_output = |value: &Value| {
        run.host_of(value).is_some_and(|host| matches!(run.host.thing(host), Thing::Output(_) | Thing::Task(_)))
    };
    let plain = |value: &Value| match value {
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Str(_) => true,
        Value::Object(object) => matches!(run.object(*object), Object::List(_) | Object::Tuple(_) | Object::Dict(_)),
        value => is_output(value),
    };
    let wrong = is_output(left) && plain(right) || is_output(right) && plain(left);
    if wrong && matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div) {
        refuse(run, "TypeError", "unsupported operand: the output of a task", at)?;
    }
    Ok(())
}
