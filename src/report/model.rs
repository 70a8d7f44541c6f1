//! `dagguard model`: the DAG model as JSON; for people, as a tree or a graph.

pub mod explain;
pub mod graph;
pub mod text;

use crate::content::Location;
use crate::dag::{Dag, Declared, Edge, Group, Id, Mapping, Model, Task};
use serde_json::{Map, Value, json};

/// The whole model in the shape that product.md fixes (`schema_version` 1).
pub fn model_json(model: &Model) -> Value {
    json!({
        "schema_version": 1,
        "dags": model.dags.iter().map(|one| dag(one)).collect::<Vec<_>>(),
        "errors": model.errors.iter().map(|error| json!({
            "file": error.at.path.as_str(),
            "line": error.at.span.line,
            "message": error.message,
        })).collect::<Vec<_>>(),
    })
}

fn dag(dag: &Dag) -> Value {
    let mut entry = Map::new();
    id(&mut entry, "dag_id", &dag.dag_id, |id| id.as_str());
    entry.insert("file".into(), dag.file.as_str().into());
    entry.insert("complete".into(), dag.complete().into());
    let unknown = dag.unknown.iter().map(
        |unknown| json!({ "file": unknown.at.path.as_str(), "line": unknown.at.span.line, "reason": unknown.reason }),
    );
    let unknown: Vec<Value> = unknown.collect();
    place(&mut entry, &dag.at, &dag.id_at);
    parts(&mut entry, &dag.id_parts);
    entry.insert("unknown".into(), unknown.into());
    entry.insert("tasks".into(), dag.tasks.iter().map(task).collect::<Vec<_>>().into());
    entry.insert("groups".into(), dag.groups.iter().map(group).collect::<Vec<_>>().into());
    entry.insert("edges".into(), dag.edges.iter().map(edge).collect::<Vec<_>>().into());
    entry.into()
}

fn task(task: &Task) -> Value {
    let mut entry = Map::new();
    id(&mut entry, "task_id", &task.task_id, |id| id.as_str());
    entry.insert("operator".into(), task.operator.as_str().into());
    entry.insert("mapped".into(), task.mapped.as_ref().map_or(Value::Null, mapping));
    let ids = |ids: &[crate::ids::TaskId]| ids.iter().map(|id| id.as_str().into()).collect::<Vec<Value>>();
    entry.insert("upstream".into(), ids(&task.upstream).into());
    entry.insert("downstream".into(), ids(&task.downstream).into());
    entry.insert("group".into(), task.group.as_ref().map_or(Value::Null, |group| group.as_str().into()));
    entry.insert("trigger_rule".into(), task.trigger_rule.as_deref().map_or(Value::Null, Into::into));
    entry.insert("multiple_outputs".into(), task.multiple_outputs.map_or(Value::Null, Into::into));
    entry.insert("file".into(), task.at.path.as_str().into());
    place(&mut entry, &task.at, &task.id_at);
    parts(&mut entry, &task.id_parts);
    entry.into()
}

fn group(group: &Group) -> Value {
    let mut entry = Map::new();
    id(&mut entry, "group_id", &group.group_id, |id| id.as_str());
    entry.insert("parent".into(), group.parent.as_ref().map_or(Value::Null, |parent| parent.as_str().into()));
    entry.insert("mapped".into(), group.mapped.as_ref().map_or(Value::Null, mapping));
    entry.insert("file".into(), group.at.path.as_str().into());
    place(&mut entry, &group.at, &group.id_at);
    entry.into()
}

/// The line of the making call, and that of the expression that decided the id, which may be in
/// another file.
fn place(entry: &mut Map<String, Value>, at: &Location, id_at: &Location) {
    entry.insert("line".into(), at.span.line.into());
    entry.insert("id_line".into(), id_at.span.line.into());
    entry.insert("id_file".into(), id_at.path.as_str().into());
}

/// Where the texts are written of which an id was made, for one that was.
fn parts(entry: &mut Map<String, Value>, parts: &[Location]) {
    if !parts.is_empty() {
        let parts = parts.iter().map(|at| json!({ "file": at.path.as_str(), "line": at.span.line }));
        entry.insert("id_parts".into(), parts.collect());
    }
}

fn edge(edge: &Edge) -> Value {
    json!({
        "up": edge.up.as_str(),
        "down": edge.down.as_str(),
        "declared": declared(edge.declared),
        "file": edge.at.path.as_str(),
        "line": edge.at.span.line,
    })
}

/// The word for what declares a dependency.
fn declared(declared: Declared) -> &'static str {
    match declared {
        Declared::Dependency => "dependency",
        Declared::Argument => "argument",
        Declared::Setup => "setup",
    }
}

fn mapping(mapping: &Mapping) -> Value {
    let over: Vec<Value> = mapping
        .over
        .iter()
        .map(|over| {
            let tasks: Vec<Value> = over.tasks.iter().map(|task| task.as_str().into()).collect();
            // Airflow has one name for the mapping of `expand_kwargs`.
            let arg = if mapping.kwargs { "expand_kwargs" } else { over.arg.as_str() };
            json!({
                "arg": arg,
                "length": over.length,
                "tasks": tasks,
                "file": over.at.path.as_str(),
                "line": over.at.span.line,
            })
        })
        .collect();
    json!({ "over": over })
}

/// An id that is not certain is null, with what is known of it beside it.
fn id<T>(entry: &mut Map<String, Value>, name: &str, id: &Id<T>, text: impl Fn(&T) -> &str) {
    match id {
        Id::Exact(id) => {
            entry.insert(name.into(), text(id).into());
        }
        Id::OneOf(ids) => {
            entry.insert(name.into(), Value::Null);
            entry.insert("one_of".into(), ids.iter().map(|id| text(id).into()).collect::<Vec<Value>>().into());
        }
        Id::Pattern { prefix, suffix } => {
            entry.insert(name.into(), Value::Null);
            entry.insert("pattern".into(), json!({ "prefix": prefix, "suffix": suffix }));
        }
    }
}

#[cfg(test)]
mod tests;
