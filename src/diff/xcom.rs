//! The type and layout of values that pass between tasks.

use super::{Certainty, Change, Data, Kind};
use crate::content::Snapshot;
use crate::dag::{Arguments, Callable, Dag, Shape, Task};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Producers whose return value changed its shape, once for each task that takes it.
pub(super) fn changes((deployed, dag): (&Snapshot, &Dag), (proposed, other): (&Snapshot, &Dag)) -> Vec<Change> {
    let mut changes = Vec::new();
    for consumer in &other.tasks {
        let Some(consumer_id) = consumer.task_id.exact() else { continue };
        let deployed_consumer = dag.task(consumer_id);
        let mut seen = BTreeSet::new();
        for takes in consumer.takes.iter().filter(|takes| takes.key == "return_value") {
            if !seen.insert(&takes.producer) {
                continue;
            }
            let callable = |dag: &'_ Dag| -> Option<Arc<Callable>> { dag.task(&takes.producer)?.callable.clone() };
            let (Some(a), Some(b)) = (callable(dag), callable(other)) else { continue };
            let Some(deployed_consumer) = deployed_consumer else { continue };
            let reads = |tree: &Snapshot, task: &Task, key: &str| reads(tree, task, takes.parameter.as_deref(), key);
            let certainty = match keys_that_went_or_came(&a.returns, &b.returns) {
                Some((gone, _)) if gone.iter().any(|key| reads(proposed, consumer, key)) => Some(Certainty::Certain),
                Some((_, new))
                    if new
                        .iter()
                        .any(|key| reads(proposed, consumer, key) && !reads(deployed, deployed_consumer, key)) =>
                {
                    Some(Certainty::Certain)
                }
                _ => differs(&a.returns, &b.returns),
            };
            let certainty = match certainty {
                Some(Certainty::Certain) if asks_for_type(proposed, consumer, takes.parameter.as_deref()) => {
                    Certainty::Possible(format!("`{consumer_id}` asks for the type of what it is given"))
                }
                Some(certainty) => certainty,
                None => continue,
            };
            changes.push(Change {
                kind: Kind::Data(Data::TypeChanged {
                    producer: takes.producer.clone(),
                    consumer: consumer_id.clone(),
                    before: a.returns.clone(),
                    after: b.returns.clone(),
                    consumer_changes: code(deployed_consumer) != code(consumer),
                }),
                dags: vec![dag.dag_id.clone()],
                certainty,
                deployed: Some(a.returns_at.clone()),
                proposed: Some(b.returns_at.clone()),
            });
        }
    }
    changes
}

/// Of two dicts whose keys are all known, those that only the deployed and only the proposed has.
fn keys_that_went_or_came(before: &Shape, after: &Shape) -> Option<(Vec<String>, Vec<String>)> {
    match (before, after) {
        (Shape::Dict(Some(a)), Shape::Dict(Some(b))) => {
            let only = |a: &'_ BTreeMap<String, Shape>, b: &BTreeMap<String, Shape>| -> Vec<String> {
                a.keys().filter(|key| !b.contains_key(*key)).cloned().collect()
            };
            Some((only(a, b), only(b, a)))
        }
        _ => None,
    }
}

/// Whether the code of a task subscripts that parameter with that key. (`get` gives `None` for a
/// key that is not there; what comes of it is not known.)
fn reads(tree: &Snapshot, task: &Task, parameter: Option<&str>, key: &str) -> bool {
    let (Some(parameter), Some(callable)) = (parameter, &task.callable) else { return false };
    super::source(tree, &callable.at).contains(&format!("{parameter}[{key:?}]"))
}

/// Whether the code of a task looks at the type of that parameter, and so may take either.
fn asks_for_type(tree: &Snapshot, task: &Task, parameter: Option<&str>) -> bool {
    let (Some(parameter), Some(callable)) = (parameter, &task.callable) else { return false };
    let source = super::source(tree, &callable.at);
    source.contains(&format!("isinstance({parameter},")) || source.contains(&format!("type({parameter})"))
}

/// What a task does with what it is given.
fn code(task: &Task) -> (Option<&str>, &Arguments) {
    (task.callable.as_ref().map(|callable| callable.code.as_str()), &task.arguments)
}

/// Whether code that knew `before` can stumble over `after`; `None` if not, or if nothing is
/// known about one of them.
fn differs(before: &Shape, after: &Shape) -> Option<Certainty> {
    use Shape::{Any, Dict, List, Named, None as Nothing, Tuple, Union};
    let possible = |what: &str| Some(Certainty::Possible(what.to_string()));
    match (before, after) {
        (Any, _) | (_, Any) => None,
        (a, b) if a == b => None,
        (Union(a), b) => {
            let new = alternatives(b).filter(|shape| !a.contains(shape)).count();
            if new == 0 || a.contains(&Any) { None } else { possible("it returns one of several types") }
        }
        (a, Union(b)) => {
            if b.contains(a) || b.contains(&Any) {
                possible("it returns one of several types")
            } else {
                Some(Certainty::Certain)
            }
        }
        (Dict(Some(a)), Dict(Some(b))) => {
            // More keys hurt nobody; a missing one hurts whoever reads it.
            if a.keys().all(|key| b.contains_key(key)) {
                None
            } else {
                possible("keys of the dict went; who reads them is not known")
            }
        }
        (Dict(_), Dict(_)) => None,
        (List(a), List(b)) => match differs(a, b) {
            Some(_) => possible("the elements are of another type"),
            None => None,
        },
        (Tuple(a), Tuple(b)) if a.len() == b.len() => {
            if a.iter().zip(b).any(|(a, b)| differs(a, b).is_some()) {
                possible("the elements are of another type")
            } else {
                None
            }
        }
        // Python's numbers stand in for each other nearly everywhere.
        (Named(a), Named(b)) if is_number(a) && is_number(b) => possible("one number type for another"),
        (Nothing, _) => possible("nothing was returned before"),
        _ => Some(Certainty::Certain),
    }
}

fn is_number(name: &str) -> bool {
    matches!(name, "int" | "float" | "bool")
}

fn alternatives(shape: &Shape) -> Box<dyn Iterator<Item = &Shape> + '_> {
    match shape {
        Shape::Union(all) => Box::new(all.iter()),
        one => Box::new(std::iter::once(one)),
    }
}
