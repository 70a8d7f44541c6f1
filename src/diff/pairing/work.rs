//! What a task does, apart from what it is called and where it stands.

use crate::dag::{Dag, Mapping, Task};
use crate::ids::TaskId;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// A task of exact id with a key of its work: two tasks of equal keys do the same.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub(super) task: &'a Task,
    pub(super) id: &'a TaskId,
    /// Over operator, code, captured values, arguments and mapping; of outputs that it takes only that
    /// it does, since the ids of other tasks may change with the ids of these.
    pub(super) key: u64,
    /// Whether there is anything in it that tells it from others: a function, an argument.
    pub(super) says_something: bool,
}

/// The tasks of a DAG whose ids are known, in the order in which they are made.
pub(super) fn of(dag: &Dag) -> Vec<Work<'_>> {
    dag.tasks
        .iter()
        .filter_map(|task| {
            let id = task.task_id.exact()?;
            let says_something = task.callable.is_some() || task.arguments.names().next().is_some();
            Some(Work { task, id, key: key(task), says_something })
        })
        .collect()
}

fn key(task: &Task) -> u64 {
    // The keys of this hasher are fixed, so that equal trees give equal answers on every run.
    let mut hash = DefaultHasher::new();
    task.operator.hash(&mut hash);
    task.callable.as_ref().map(|callable| &callable.code).hash(&mut hash);
    for arguments in [&task.captured, &task.arguments] {
        for (name, text) in arguments.names().zip(arguments.texts()) {
            name.hash(&mut hash);
            without_ids(text, &mut hash);
        }
        0_u8.hash(&mut hash);
    }
    if let Some(mapping) = &task.mapped {
        hash_mapping(mapping, &mut hash);
    }
    hash.finish()
}

fn hash_mapping(mapping: &Mapping, hash: &mut DefaultHasher) {
    mapping.kwargs.hash(hash);
    for over in &mapping.over {
        over.arg.hash(hash);
        over.items.hash(hash);
        if let Some(source) = &over.source {
            without_ids(source, hash);
        }
    }
}

/// How canonical text begins an output of a task, whose id follows.
const OUTPUT: &str = "output(";

/// Hashes canonical text without the ids of the tasks whose outputs are in it.
fn without_ids(text: &str, hash: &mut DefaultHasher) {
    let mut parts = text.split(OUTPUT);
    parts.next().hash(hash);
    for part in parts {
        part.split_once(", ").map_or(part, |(_, rest)| rest).hash(hash);
    }
}

/// Canonical text with each id of an output replaced by what `through` gives for it.
pub(in crate::diff) fn with_ids(text: &str, through: impl Fn(&str) -> Option<String>) -> String {
    let mut parts = text.split(OUTPUT);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(OUTPUT);
        match part.split_once(", ") {
            Some((id, rest)) => {
                out.push_str(&through(id).unwrap_or_else(|| id.to_owned()));
                out.push_str(", ");
                out.push_str(rest);
            }
            None => out.push_str(part),
        }
    }
    out
}
