//! Code that tasks run and that is other code: worth a word, where an instance is still to run it.

use super::{Certainty, Change, Kind, Notice};
use crate::content::Location;
use crate::dag::code::{Body, Code};
use crate::dag::{Dag, Task};
use crate::ids::TaskId;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The tasks of a DAG whose functions are other ones, as one change.
pub(super) fn changed(
    (deployed, proposed): (&Code, &Code),
    dag: &Dag,
    both: &[(&TaskId, &Task, &Task)],
) -> Option<Change> {
    let (mut tasks, mut functions): (Vec<TaskId>, Vec<String>) = (Vec::new(), Vec::new());
    let mut places: Option<(Location, Location)> = None;
    // Tasks of one function are alike.
    let mut known: BTreeMap<Vec<*const Body>, bool> = BTreeMap::new();
    for (task_id, a, b) in both {
        let (before, after) = (deployed.bodies(a), proposed.bodies(b));
        let key: Vec<_> = before.iter().chain(&after).map(Rc::as_ptr).collect();
        let differ = *known.entry(key).or_insert_with(|| codes(&before) != codes(&after));
        if !differ {
            continue;
        }
        tasks.push((*task_id).clone());
        let kept = codes(&before);
        for body in after.iter().filter(|body| !kept.contains(body.code.as_str())) {
            if !functions.contains(&body.name) {
                functions.push(body.name.clone());
            }
            let twin = before.iter().find(|twin| twin.name == body.name);
            places.get_or_insert_with(|| (twin.map_or(&a.at, |twin| &twin.at).clone(), body.at.clone()));
        }
    }
    let (at, other_at) = places?;
    Some(Change {
        kind: Kind::Notice(Notice::BodyChanged { tasks, functions }),
        dags: vec![dag.dag_id.clone()],
        certainty: Certainty::Certain,
        deployed: Some(at),
        proposed: Some(other_at),
    })
}

fn codes(bodies: &[Rc<Body>]) -> BTreeSet<&str> {
    bodies.iter().map(|body| body.code.as_str()).collect()
}
