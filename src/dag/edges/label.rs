//! Labels of dependencies: `a >> Label("…") >> b`.
//!
//! A label keeps what stands on either side of it. As soon as both sides are known and do not all
//! lie in one group, it takes the group of a task for the task on the side that was there before
//! (2.6.2, 2.11.2, 3.3.2: `EdgeModifier`).

use super::{End, ends_of_group, group_tasks, relate};
use crate::dag::world::{Beside, Output, Run, Thing};
use crate::python::interpret::HostRef;
use crate::python::value::{At, Stop, Value};
use std::collections::BTreeSet;

/// The label that a value is.
pub(super) fn of(run: &Run, value: &Value) -> Option<HostRef> {
    run.host_of(value).filter(|host| matches!(run.host.thing(*host), Thing::Label { .. }))
}

/// Puts something on a side of a label, and joins it with what is on the other.
pub(super) fn put(run: &mut Run, label: HostRef, value: &Value, end: End, at: At) -> Result<(), Stop> {
    let Thing::Label { up, down } = run.host.thing(label).clone() else { return Ok(()) };
    let (mut near, mut far) = if end == End::Up { (up, down) } else { (down, up) };
    let first = far.is_empty();
    let items = run.items(value).map_or_else(|| vec![value.clone()], <[Value]>::to_vec);
    let alone = run.items(value).is_none();
    for item in &items {
        near.extend(nodes(run, item, end, first && alone));
    }
    if !near.is_empty() && !far.is_empty() && !in_one_group(run, near.iter().chain(&far)) {
        near = near.into_iter().map(|node| group_of(run, node)).collect();
        far = far.into_iter().map(|node| group_of(run, node)).collect();
    }
    let (up, down) = if end == End::Up { (near, far.clone()) } else { (far.clone(), near) };
    run.host.things[label.0] = Thing::Label { up, down };
    for node in far {
        let inside = matches!(&node, Beside::Group(group) if holds(run, *group, value));
        let other = run.host.add(match node {
            Beside::Task(task) => Thing::Task(task),
            Beside::Group(group) => Thing::Group(group),
            Beside::Output(tasks) => super::super::output::returned(tasks, "output"),
        });
        if inside {
            let hosts = run.hosts_in(value);
            for dag in run.host.dags_of(&hosts) {
                run.host.doubt(dag, at, "a label takes a group for a task, and relates it to what is in it");
            }
        }
        if end == End::Up {
            relate(run, value, &other, End::Down, at)?;
        } else {
            relate(run, &other, value, End::Up, at)?;
        }
    }
    Ok(())
}

/// What a label keeps of a value; `asked` where the value itself puts itself there: an output then
/// does so as its tasks, a group as its last or first ones.
fn nodes(run: &Run, value: &Value, end: End, asked: bool) -> Vec<Beside> {
    match run.host_of(value).map(|host| run.host.thing(host)) {
        Some(Thing::Task(task)) => vec![Beside::Task(*task)],
        Some(Thing::Output(Output { tasks, .. })) if asked => tasks.iter().copied().map(Beside::Task).collect(),
        Some(Thing::Output(Output { tasks, .. })) => vec![Beside::Output(tasks.clone())],
        Some(Thing::Group(group)) if asked => {
            let ends = ends_of_group(run, *group, end);
            ends.into_iter().map(Beside::Task).collect()
        }
        Some(Thing::Group(group)) => vec![Beside::Group(*group)],
        _ => Vec::new(),
    }
}

/// The group that something lies in.
fn around(run: &Run, node: &Beside) -> Option<usize> {
    match node {
        Beside::Task(task) => run.host.tasks[*task].group,
        Beside::Group(group) => run.host.groups[*group].parent,
        Beside::Output(tasks) => tasks.first().and_then(|task| run.host.tasks[*task].group),
    }
}

fn in_one_group<'a>(run: &Run, nodes: impl Iterator<Item = &'a Beside>) -> bool {
    nodes.map(|node| around(run, node)).collect::<BTreeSet<_>>().len() == 1
}

fn group_of(run: &Run, node: Beside) -> Beside {
    match node {
        Beside::Output(_) => node,
        _ => around(run, &node).map_or(node, Beside::Group),
    }
}

/// Whether some task of a value lies in a group, however deep.
fn holds(run: &Run, group: usize, value: &Value) -> bool {
    let inside = group_tasks(run, group);
    run.hosts_in(value).into_iter().any(|host| match run.host.thing(host) {
        Thing::Task(task) => inside.contains(task),
        Thing::Output(Output { tasks, .. }) => !tasks.is_disjoint(&inside),
        Thing::Group(other) => !group_tasks(run, *other).is_disjoint(&inside),
        _ => false,
    })
}
