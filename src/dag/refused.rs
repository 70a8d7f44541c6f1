//! DAGs that evaluate and that Airflow then refuses: an id of a task and of a group at once,
//! dependencies in a circle. It runs none of them, so none counts as known.

use super::world::{Run, World};
use crate::python::value::At;
use std::collections::{BTreeMap, BTreeSet};

/// Doubts what Airflow refuses (`DagBag.bag_dag`, `TaskGroup.add`).
pub(super) fn doubt_refused(run: &mut Run, exposed: &BTreeSet<usize>) {
    for dag in exposed {
        if run.host.dags[*dag].doubts.is_empty()
            && let Some((at, reason)) = refusal(&run.host, *dag)
        {
            run.host.doubt(*dag, at, reason);
        }
    }
}

/// Where and why Airflow refuses a DAG.
fn refusal(world: &World, dag: usize) -> Option<(At, String)> {
    let state = &world.dags[dag];
    for task in &state.tasks {
        let task = &world.tasks[*task];
        let Some(id) = task.id.exact() else { continue };
        if state.group_ids.contains(id) {
            return Some((task.id_at, format!("Airflow refuses `{id}` as the id of a task and of a group")));
        }
    }
    circle(world, &state.tasks)
        .map(|task| (world.tasks[task].at, "Airflow refuses it: dependencies form a circle".to_owned()))
}

/// A task on a circle: what is left when tasks without open upstream tasks are taken away.
fn circle(world: &World, tasks: &[usize]) -> Option<usize> {
    let mut open: BTreeMap<usize, usize> = tasks.iter().map(|task| (*task, world.tasks[*task].up.len())).collect();
    let mut free: Vec<usize> = open.iter().filter(|(_, ups)| **ups == 0).map(|(task, _)| *task).collect();
    while let Some(task) = free.pop() {
        open.remove(&task);
        for down in &world.tasks[task].down {
            if let Some(ups) = open.get_mut(down) {
                *ups = ups.saturating_sub(1);
                if *ups == 0 {
                    free.push(*down);
                }
            }
        }
    }
    open.keys().next().copied()
}
