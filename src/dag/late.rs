//! What is said of a task between its making and its DAG: builders of teams make operators first,
//! and put them into groups and DAGs when the whole is known.

use super::member::task_of;
use super::world::{Name, Run, Thing, Unsettled, name_of};
use crate::python::interpret::HostRef;
use crate::python::value::{Args, At, Value};

/// An attribute of a task that decides where it stands; one in a DAG is doubted.
pub(super) fn set(run: &mut Run, task: usize, name: &str, value: &Value, at: At) {
    if let Some(dag) = run.host.tasks[task].dag {
        run.host.doubt(dag, at, format!("`{name}` of a task is set afterwards"));
        return;
    }
    let state = &run.host.tasks[task];
    let free = run.is_certain() && state.group.is_none() && state.mapped.is_none() && !state.maybe;
    let group = match run.host_of(value).map(|host| run.host.thing(host)) {
        Some(Thing::Group(group)) if free && name == "task_group" => Some(*group),
        _ => None,
    };
    let id = value.as_str().filter(|_| free && name == "task_id").cloned();
    let state = &mut run.host.tasks[task];
    match id {
        Some(id) => (state.id, state.id_at) = (Name::Exact(id), at),
        None => state.unsettled = Some(Unsettled { name: name.into(), at, group }),
    }
}

/// `group.add(task)`.
pub(super) fn add(run: &mut Run, object: HostRef, group: usize, args: &Args, at: At) -> Value {
    let task = args.value(0, "task").and_then(|value| task_of(run, value));
    let free = task.filter(|task| {
        let state = &run.host.tasks[*task];
        let claimed = state.unsettled.as_ref().is_none_or(|given| given.group == Some(group));
        run.is_certain() && claimed && state.dag.is_none() && state.group.is_none() && state.mapped.is_none()
    });
    if let Some(task) = free {
        let state = &mut run.host.tasks[task];
        (state.group, state.unsettled) = (Some(group), None);
        run.host.groups[group].tasks.push(task);
        return Value::None;
    }
    for dag in run.host.dags_of(&[object]) {
        run.host.doubt(dag, at, "`TaskGroup.add` is not evaluated");
    }
    if let Some(task) = task {
        run.host.tasks[task].unsettled.get_or_insert(Unsettled { name: "task_group".into(), at, group: None });
    }
    Value::None
}

/// `group.child_id(label)`: the label with the group's prefix.
pub(super) fn child_id(run: &Run, group: usize, args: &Args, at: At) -> Option<Value> {
    let label = args.value(0, "label")?;
    Some(run.host.child(Some(group), name_of(run, label)).value(at))
}
