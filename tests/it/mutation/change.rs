//! Changes made at random to a DAG whose work is known, each with what it does to the run in
//! flight: by who changes it, never by the program's own replay. What each does was measured on
//! real servers, and is measured again on a sample by `tests/live/verdicts/mutated.rs`.

use super::spec::{Place, Reads, Spec, Task, Value, Work};
use super::{Rng, draw};

/// What must be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Expected {
    /// The change is let through.
    Allow,
    /// A person may see it either way: history is lost, or the outcome is not sure.
    Either,
    /// The run fails, hangs, repeats or loses work.
    Block,
}

use Expected::{Allow, Block, Either};

/// A change of a spec.
#[derive(Debug)]
pub(crate) struct Mutation {
    /// What was changed: rename, drop, reorder, wrap, list, producer, consumer, …
    pub(crate) family: &'static str,
    /// And where.
    pub(crate) what: &'static str,
    pub(crate) proposed: Spec,
    /// On 2.x.
    pub(crate) two: Expected,
    /// On 3.x with a bundle that has no versions.
    pub(crate) three: Expected,
}

type Change = fn(&mut Spec, &mut Rng) -> Option<(&'static str, Expected, Expected)>;

/// Every change, with its family.
pub(crate) const CHANGES: &[(&str, Change)] = &[
    ("rename", rename_before),
    ("rename", rename_after),
    ("rename", rename_mapped),
    ("drop", drop_before),
    ("drop", drop_after),
    ("reorder", reorder_statements),
    ("reorder", reverse_edge),
    ("reorder", reorder_list),
    ("wrap", wrap_before),
    ("wrap", wrap_after),
    ("list", list_append),
    ("list", list_drop_last),
    ("list", list_insert_front),
    ("list", list_edit),
    ("producer", producer_before),
    ("producer", producer_after),
    ("producer", producer_key_added),
    ("consumer", consumer_of_done),
    ("consumer", consumer_of_waiting),
    ("consumer", consumer_reads_another_key),
    ("rule", rule_all_failed),
    ("rule", rule_all_done),
    ("edge", edge_added),
    ("edge", edge_removed),
    ("add", leaf_added),
    ("kind", to_mapped),
    ("kind", to_plain),
    ("swap", swap_ids),
];

/// That change made to the spec, if it can be made there.
pub(crate) fn mutate(spec: &Spec, (family, change): (&'static str, Change), rng: &mut Rng) -> Option<Mutation> {
    let mut proposed = spec.clone();
    let (what, two, three) = change(&mut proposed, rng)?;
    Some(Mutation { family, what, proposed, two, three })
}

fn pick(spec: &Spec, rng: &mut Rng, fits: impl Fn(&Task) -> bool) -> Option<usize> {
    let keys: Vec<usize> = spec.tasks.iter().filter(|task| fits(task)).map(|task| task.key).collect();
    (!keys.is_empty()).then(|| keys[rng.below(keys.len())])
}

/// Whether the gate's end makes the task ready by the edges of the spec: 2.x then schedules it by
/// the graph that the gate had loaded.
fn ready_after_gate(spec: &Spec, key: usize) -> bool {
    let up = spec.upstream(key);
    up.iter().any(|up| spec.task(*up).place == Place::Gate) && up.iter().all(|up| spec.task(*up).place != Place::After)
}

fn is_mapped(task: &Task) -> bool {
    matches!(task.work, Work::Mapped(..))
}

fn rename_before(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, |task| task.place == Place::Before && !is_mapped(task))?;
    let task = spec.task_mut(key);
    task.name = format!("{}_v2", task.name);
    Some(("a finished task", Block, Block))
}

fn rename_after(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, |task| task.place == Place::After)?;
    let task = spec.task_mut(key);
    task.name = format!("all_{}", task.name);
    // On 2.x a race decides, and the worst of its ends is that the run fails.
    Some(("a waiting task", Block, Either))
}

fn rename_mapped(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let started = |task: &Task| match &task.work {
        Work::Mapped(_, None) => task.place == Place::Before,
        // Something is done, so it is done again.
        Work::Mapped(_, Some(at)) => *at > 0,
        _ => false,
    };
    let key = pick(spec, rng, started)?;
    let task = spec.task_mut(key);
    task.name = format!("{}_each", task.name);
    Some(("a mapped task of which something is done", Block, Block))
}

fn drop_before(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let taken: Vec<usize> =
        spec.tasks.iter().map(|task| task.key).filter(|key| !spec.consumers(*key).is_empty()).collect();
    let key = pick(spec, rng, |task| task.place == Place::Before && !taken.contains(&task.key))?;
    spec.drop_task(key);
    Some(("a finished task that nobody reads", Either, Either))
}

fn drop_after(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let taken: Vec<usize> =
        spec.tasks.iter().map(|task| task.key).filter(|key| !spec.consumers(*key).is_empty()).collect();
    let key = pick(spec, rng, |task| task.place == Place::After && !taken.contains(&task.key))?;
    spec.drop_task(key);
    Some(("a waiting task", Block, Block))
}

fn reorder_statements(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let before = spec.tasks.clone();
    for at in (1..spec.tasks.len()).rev() {
        spec.tasks.swap(at, rng.below(at + 1));
    }
    (spec.tasks != before).then_some(("the statements", Allow, Allow))
}

fn reverse_edge(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let waiting = |key: usize| spec.task(key).place == Place::After;
    let edges: Vec<(usize, usize)> =
        spec.edges.iter().copied().filter(|(up, down)| waiting(*up) && waiting(*down)).collect();
    let (up, down) = *edges.get(rng.below(edges.len()))?;
    let ready = ready_after_gate(spec, up);
    let mut turned = spec.clone();
    turned.edges.remove(&(up, down));
    if turned.leads(up, down) {
        return None;
    }
    turned.edges.insert((down, up));
    // One that waits for nothing any more runs beside the gate, and is done when the gate ends.
    let starts = turned.upstream(down).iter().all(|up| turned.task(*up).place == Place::Before);
    *spec = turned;
    Some(("two waiting tasks", if ready && !starts { Block } else { Either }, Allow))
}

fn reorder_list(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, is_mapped)?;
    let task = spec.task_mut(key);
    let Work::Mapped(items, gate) = &mut task.work else { return None };
    let (a, b) = (rng.below(items.len()), rng.below(items.len()));
    if a == b {
        return None;
    }
    items.swap(a, b);
    Some(match *gate {
        // The function waits at the element, so its index is kept apart from the list.
        Some(at) if a == at || b == at => return None,
        Some(at) if (a < at) != (b < at) => ("a list across what is done", Block, Block),
        Some(at) if a < at => ("what is done of a list", Allow, Allow),
        Some(_) => ("what waits of a list", Allow, Allow),
        None => ("a list that is done, or has not begun", Allow, Allow),
    })
}

fn wrap_before(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, |task| task.place == Place::Before && task.group.is_none())?;
    spec.task_mut(key).group = Some("staging");
    Some(("a finished task", Block, Block))
}

fn wrap_after(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, |task| task.place == Place::After && task.group.is_none())?;
    spec.task_mut(key).group = Some("staging");
    Some(("a waiting task", Block, Either))
}

fn list_append(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, is_mapped)?;
    let Work::Mapped(items, _) = &mut spec.task_mut(key).work else { return None };
    items.push("zz".to_string());
    Some(("an element at the end", Allow, Allow))
}

fn list_drop_last(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, is_mapped)?;
    let waits = !spec.at(Place::After).is_empty();
    let task = spec.task_mut(key);
    let place = task.place;
    let Work::Mapped(items, gate) = &mut task.work else { return None };
    if items.len() < 2 || gate.is_some_and(|at| at + 1 >= items.len()) {
        return None;
    }
    items.pop();
    Some(match (place, gate) {
        // The removed instance fails the run on 2.x where something waits for the list.
        (Place::Before, None) => ("the last of a list that is done", if waits { Block } else { Either }, Either),
        _ => ("an element that waits", Block, Block),
    })
}

fn list_insert_front(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, is_mapped)?;
    let task = spec.task_mut(key);
    let place = task.place;
    let Work::Mapped(items, gate) = &mut task.work else { return None };
    let waits = gate.is_some_and(|at| at + 1 < items.len());
    items.insert(0, "aa".to_string());
    Some(match (place, gate) {
        (Place::Before, None) => ("an element in front of a list that is done", Allow, Allow),
        (_, Some(_)) if waits => ("an element in front, half-way", Block, Block),
        (_, Some(_)) => ("an element in front at the last element", Either, Either),
        _ => ("an element in front of a list that has not begun", Either, Either),
    })
}

fn list_edit(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, is_mapped)?;
    let task = spec.task_mut(key);
    let place = task.place;
    let Work::Mapped(items, gate) = &mut task.work else { return None };
    let at = rng.below(items.len());
    if *gate == Some(at) {
        return None;
    }
    items[at].push_str("_new");
    Some(match (place, *gate) {
        (Place::Before, None) => ("an element that is done", Allow, Allow),
        (_, Some(gate)) if at < gate => ("an element that is done, half-way", Allow, Allow),
        (_, Some(_)) => ("an element that waits, half-way", Block, Block),
        _ => ("an element of a list that has not begun", Either, Either),
    })
}

/// A value that whoever reads the other one cannot use.
fn other(value: &Value, reads: &[Reads]) -> Value {
    match value {
        Value::Number => Value::Text,
        Value::Text => Value::Number,
        Value::Keys(keys) => {
            Value::Keys(keys.iter().copied().filter(|key| !reads.contains(&Reads::Key(key))).collect())
        }
    }
}

fn reads_of(spec: &Spec, key: usize) -> Vec<Reads> {
    let consumers = spec.consumers(key).into_iter();
    consumers
        .filter_map(|key| match &spec.task(key).work {
            Work::Consume(_, reads) => Some(reads.clone()),
            _ => None,
        })
        .collect()
}

fn produces(task: &Task) -> bool {
    matches!(task.work, Work::Produce(_))
}

fn change_value(spec: &mut Spec, key: usize) -> Option<()> {
    let reads = reads_of(spec, key);
    if reads.is_empty() {
        return None;
    }
    let Work::Produce(value) = &mut spec.task_mut(key).work else { return None };
    *value = other(value, &reads);
    Some(())
}

fn producer_before(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, |task| task.place == Place::Before && produces(task))?;
    change_value(spec, key)?;
    Some(("whose value is stored", Allow, Allow))
}

fn producer_after(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, |task| task.place == Place::After && produces(task))?;
    change_value(spec, key)?;
    Some(("that waits, as its reader does", Block, Block))
}

fn producer_key_added(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, |task| matches!(task.work, Work::Produce(Value::Keys(_))))?;
    let Work::Produce(Value::Keys(keys)) = &mut spec.task_mut(key).work else { return None };
    keys.push("more");
    Some(("that returns one more key", Allow, Allow))
}

/// Changes a value and whoever reads it, together.
fn change_contract(spec: &mut Spec, producer: usize) -> Option<()> {
    let consumers = spec.consumers(producer);
    if consumers.is_empty() {
        return None;
    }
    let Work::Produce(value) = &mut spec.task_mut(producer).work else { return None };
    let reads = match value {
        Value::Number => {
            *value = Value::Text;
            Reads::Text
        }
        Value::Text => {
            *value = Value::Number;
            Reads::Number
        }
        Value::Keys(keys) => {
            *keys = vec!["id", "total"];
            Reads::Key("total")
        }
    };
    for key in consumers {
        spec.task_mut(key).work = Work::Consume(producer, reads.clone());
    }
    Some(())
}

fn consumer_of_done(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, |task| task.place == Place::Before && produces(task))?;
    let waits = spec.consumers(key).iter().any(|key| spec.task(*key).place == Place::After);
    change_contract(spec, key)?;
    Some(if waits {
        ("that waits, with its producer, which is done", Block, Block)
    } else {
        ("that is done, with its producer", Allow, Allow)
    })
}

fn consumer_of_waiting(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, |task| task.place == Place::After && produces(task))?;
    change_contract(spec, key)?;
    Some(("that waits, with its producer, which waits", Allow, Allow))
}

fn consumer_reads_another_key(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, |task| matches!(task.work, Work::Consume(_, Reads::Key(_))))?;
    let Work::Consume(from, Reads::Key(read)) = spec.task(key).work.clone() else { return None };
    let Work::Produce(Value::Keys(keys)) = spec.task(from).work.clone() else { return None };
    let other = keys.into_iter().find(|key| *key != read)?;
    spec.task_mut(key).work = Work::Consume(from, Reads::Key(other));
    Some(("that reads another key that is there", Allow, Allow))
}

fn rule_all_failed(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, |task| task.place == Place::After)?;
    spec.task_mut(key).rule = Some("all_failed");
    Some(("of a waiting task: all_failed", Block, Block))
}

fn rule_all_done(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, |task| task.place == Place::After)?;
    spec.task_mut(key).rule = Some("all_done");
    Some(("of a waiting task: all_done", Allow, Allow))
}

fn edge_added(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let (a, b) =
        (pick(spec, rng, |task| task.place == Place::After)?, pick(spec, rng, |task| task.place == Place::After)?);
    if a == b || spec.leads(a, b) || spec.leads(b, a) {
        return None;
    }
    let ready = ready_after_gate(spec, b);
    spec.edges.insert((a, b));
    Some(("between two waiting tasks", if ready { Block } else { Either }, Allow))
}

fn edge_removed(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let waiting = |key: usize| spec.task(key).place == Place::After;
    let edges: Vec<(usize, usize)> =
        spec.edges.iter().copied().filter(|(up, down)| waiting(*up) && waiting(*down)).collect();
    let edge = *edges.get(rng.below(edges.len()))?;
    spec.edges.remove(&edge);
    Some(("between two waiting tasks that is taken away", Allow, Allow))
}

fn leaf_added(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let up = pick(spec, rng, |task| task.place == Place::After)?;
    let key = spec.tasks.len() + 50;
    let name = format!("extra_{}", draw(rng));
    spec.tasks.push(Task { key, name, group: None, place: Place::After, work: Work::Plain, rule: None });
    spec.edges.insert((up, key));
    Some(("a task at the end", Allow, Allow))
}

fn to_mapped(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, |task| task.place == Place::After && task.work == Work::Plain)?;
    spec.style.classic = false;
    spec.task_mut(key).work = Work::Mapped(vec!["a".into(), "b".into()], None);
    Some(("a waiting task that becomes mapped", Block, Block))
}

fn to_plain(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let key = pick(spec, rng, |task| task.place == Place::After && is_mapped(task))?;
    spec.style.classic = false;
    spec.task_mut(key).work = Work::Plain;
    Some(("a waiting mapped task that becomes a plain one", Block, Block))
}

fn swap_ids(spec: &mut Spec, rng: &mut Rng) -> Option<(&'static str, Expected, Expected)> {
    let done = pick(spec, rng, |task| task.place == Place::Before && task.work == Work::Plain)?;
    let waits = pick(spec, rng, |task| task.place == Place::After && task.work == Work::Plain)?;
    let (a, b) = (spec.task(done).name.clone(), spec.task(waits).name.clone());
    let groups = (spec.task(done).group, spec.task(waits).group);
    spec.task_mut(done).name = b;
    spec.task_mut(done).group = groups.1;
    spec.task_mut(waits).name = a;
    spec.task_mut(waits).group = groups.0;
    Some(("the ids of a finished and a waiting task", Block, Block))
}
