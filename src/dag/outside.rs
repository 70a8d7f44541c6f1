//! What a call of something outside the tree may do to the DAGs.

use super::names;
use super::world::{Doubt, Run, Thing};
use crate::python::value::{Args, At, Object, Value};

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
