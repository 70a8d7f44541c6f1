//! What a call of something outside the tree may do to the DAGs.

use super::names;
use super::world::{Doubt, Run, Thing};
use crate::python::value::{Args, At, Object, Unknown, Value};
use std::rc::Rc;

/// A function or lambda of the tree, or an operator as a function.
fn is_function(run: &Run, value: &Value) -> bool {
    match value {
        Value::Outside(path) => path.starts_with("operator."),
        Value::Object(object) => {
            matches!(
                run.object(*object),
                Object::Function(_) | Object::Bound { .. } | Object::Cached(_) | Object::Partial { .. }
            )
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

/// Whether something that is not known may be a function, a class or an instance of the tree:
/// it does not come from outside, or from a builtin that hands on what it is given.
fn may_be_of_the_tree(callee: &Value) -> bool {
    /// Methods of texts and containers, which run no code of the tree.
    const PLAIN: &str = " append capitalize casefold clear copy count difference encode decode endswith extend find \
format get index insert intersection isdigit isalpha isalnum isnumeric items join keys lower lstrip partition pop popitem \
read readline readlines remove removeprefix removesuffix replace reverse rfind rpartition rsplit rstrip setdefault sort split \
splitlines startswith strip strftime swapcase title translate union update upper values write zfill isoformat ";
    let Value::Unknown(unknown) = callee else { return false };
    let handed = match unknown.root.as_deref() {
        None => true,
        Some(root) => matches!(
            root,
            "builtins.type"
                | "builtins.sorted"
                | "builtins.min"
                | "builtins.max"
                | "builtins.next"
                | "builtins.iter"
                | "builtins.getattr"
                | "builtins.filter"
                | "builtins.map"
                | "builtins.vars"
                | "builtins.globals"
                | "builtins.locals"
                | "builtins.__import__"
                | "importlib.import_module"
                | "random.choice"
                | "random.choices"
                | "random.sample"
                | "types.new_class"
        ),
    };
    let last = unknown.text.rsplit('.').next().unwrap_or_default();
    handed && !PLAIN.contains(&format!(" {last} "))
}

/// Whether who is given a function runs it there and then, by the name of what is called.
fn calls_at_once(callee: &Value) -> bool {
    let name = match callee {
        Value::Outside(path) => path,
        Value::Unknown(unknown) => &unknown.text,
        _ => return false,
    };
    matches!(
        name.rsplit('.').next().unwrap_or_default(),
        "apply"
            | "apply_async"
            | "call"
            | "filter"
            | "imap"
            | "imap_unordered"
            | "map"
            | "map_async"
            | "reduce"
            | "run"
            | "starmap"
            | "submit"
    )
}

/// Runs the functions that something outside was given, as it may do.
fn called_by_others(run: &mut Run, name: &str, args: &Args, at: At) {
    let reason = format!("`{name}` may call a function that it is given");
    let why = Rc::new(Unknown::new(reason.as_str(), at, name));
    let functions: Vec<Value> =
        args.all().map(|arg| arg.value.clone()).filter(|value| is_function(run, value)).collect();
    for function in functions {
        if run.may_call(&function, &why, at).is_err() {
            may_do_anything(run, at, &reason);
        }
    }
}

/// Something of the tree may run, and it is not known what: it may make DAGs, and it may change
/// those that there are.
fn may_do_anything(run: &mut Run, at: At, reason: &str) {
    run.host.doubts.insert(Doubt { at, reason: reason.into() });
    for dag in 0..run.host.dags.len() {
        run.host.doubt(dag, at, reason);
    }
}

/// What happens to the DAGs when something outside the tree is called.
pub(super) fn outside_call(run: &mut Run, callee: &Value, args: &Args, at: At) {
    let root = match callee {
        Value::Outside(path) => Some(path.clone()),
        Value::Unknown(unknown) => unknown.root.clone(),
        _ => None,
    };
    if let Value::Unknown(unknown) = callee
        && unknown.text.rsplit('.').next().is_some_and(names::is_mutator)
    {
        run.host.doubt_touched(&unknown.hosts, at);
    }
    let meaning = root.as_deref().map_or(names::Meaning::Other, names::meaning);
    let name = run.text(callee);
    let name: String = name.chars().take(80).collect();
    let hosts: Vec<_> = args.all().flat_map(|arg| run.hosts_in(&arg.value)).collect();
    let copied = matches!(root.as_deref(), Some("copy.copy" | "copy.deepcopy"));
    if copied && hosts.iter().any(|host| matches!(run.host.thing(*host), Thing::Dag(_) | Thing::Task(_))) {
        run.host.doubts.insert(Doubt { at, reason: "a copy of a DAG or task is not followed".into() });
    }
    let function = !makes_value(callee) && args.all().any(|arg| is_function(run, &arg.value));
    if function {
        // Whoever is given a function may call it, with the tasks that it is given along.
        let mut dags = run.host.dags_of(&hosts);
        dags.extend(run.host.current_dag());
        for dag in dags {
            run.host.doubt(dag, at, format!("`{name}` may call a function that it is given"));
        }
        if run.host.current_dag().is_none() && calls_at_once(callee) {
            called_by_others(run, &name, args, at);
        }
    }
    let of_tree = may_be_of_the_tree(callee);
    if meaning == names::Meaning::Inert && !of_tree {
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
    let Some(dag) = run.host.current_dag() else {
        if of_tree {
            may_do_anything(run, at, &format!("`{name}` is not known and may make DAGs"));
        }
        return;
    };
    let last = root.as_deref().and_then(|root| root.rsplit('.').next()).unwrap_or_default().to_owned();
    let builder = ["Operator", "Sensor", "Group", "Dag", "DAG"].iter().any(|suffix| last.ends_with(suffix));
    let grouped = builder || args.keyword("group_id").is_some() || args.keyword("dag_id").is_some();
    let value_object = matches!(callee, Value::Outside(_)) && names::starts_upper(&last) && !grouped;
    if !value_object {
        run.host.doubt(dag, at, format!("`{name}` is not in the tree and may make tasks"));
    }
}
