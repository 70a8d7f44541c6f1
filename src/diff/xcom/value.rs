//! What a task stores under a key when it ends.

use super::read::codes;
use crate::dag::exchange::Indexes;
use crate::dag::{Callable, Dag, Group, Mapping, Shape, Task};
use crate::ids::GroupId;

/// More instances of a mapped task are not counted by whoever reads what they store.
const MOST_COUNTED: usize = 64;

/// The key of what a task returns.
pub(super) const RETURNED: &str = "return_value";

/// What is stored under a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A value of that shape; of a mapped task a list, with the number of its instances where that is written.
    Known(Shape, Option<usize>),
    /// Nothing.
    Absent,
    /// The text does not say.
    NotKnown,
}

impl Value {
    /// What `task` of `dag` stores under `key`, as `reader` of the same DAG finds it.
    pub(super) fn of(task: &Task, dag: &Dag, key: &str, reader: &Task) -> Self {
        let one = Self::of_instance(dag, task, key);
        let (around, beside) = (mapped_group(dag, task.group.as_ref()), mapped_group(dag, reader.group.as_ref()));
        let many = task.mapped.is_some() || around.is_some_and(|group| beside != Some(group));
        match one {
            // A mapped task that is not expanded over anything stores an empty list all the same.
            Self::Known(shape, _) if many => {
                let mapping = task.mapped.as_ref().or_else(|| around.and_then(|id| group(dag, id)?.mapped.as_ref()));
                let both = task.mapped.is_some() && around.is_some();
                let mapping = mapping.filter(|mapping| !mapping.over.is_empty());
                let count = mapping.and_then(Mapping::count).filter(|count| !both && *count <= MOST_COUNTED);
                if shape == Shape::Any && count.is_none() {
                    return Self::NotKnown;
                }
                Self::Known(Shape::list(shape), count)
            }
            Self::Known(Shape::Any, _) => Self::NotKnown,
            Self::Absent if many => Self::NotKnown,
            one => one,
        }
    }

    /// What one task stores.
    fn one(shape: Shape) -> Self {
        if shape == Shape::Any { Self::NotKnown } else { Self::Known(shape, None) }
    }

    /// What a pull of those map indexes finds of it.
    pub(super) fn at(&self, indexes: &Indexes) -> Self {
        match (indexes, self) {
            (Indexes::All, value) => value.clone(),
            (Indexes::One(index), Self::Known(Shape::List(one, _), count)) => match count {
                Some(count) if index >= count => Self::Absent,
                _ => Self::Known((**one).clone(), None),
            },
            (Indexes::These(all), Self::Known(shape @ Shape::List(..), count)) => {
                let there = count.map(|count| all.iter().filter(|index| **index < count).count());
                Self::Known(shape.clone(), there)
            }
            _ => Self::NotKnown,
        }
    }

    fn of_instance(dag: &Dag, task: &Task, key: &str) -> Self {
        let off = dag.option(task, "do_xcom_push") == Some("False");
        let codes: Vec<&Callable> = codes(task).collect();
        if key == RETURNED {
            return match (off, task.callable.as_deref().or_else(|| execute(task)), kind(task)) {
                (true, ..) => Self::Absent,
                (_, _, Returns::Text) => Self::one(Shape::Named("str".into())),
                (_, _, Returns::NotKnown) | (_, None, _) => Self::NotKnown,
                (_, Some(code), Returns::Result) => match &code.returns {
                    Shape::None => Self::Absent,
                    shape => Self::Known(shape.clone(), None),
                },
            };
        }
        let pushed: Vec<Shape> = codes
            .iter()
            .flat_map(|code| &code.exchange.pushes)
            .filter(|push| push.key == key)
            .map(|push| push.shape.clone())
            .collect();
        match pushed.as_slice() {
            [] => {}
            [one] => return Self::one(one.clone()),
            _ => return Self::NotKnown,
        }
        if codes.is_empty() || codes.iter().any(|code| code.exchange.pushes_more.is_some()) {
            return Self::NotKnown;
        }
        if task.multiple_outputs == Some(true) && !off {
            return match task.callable.as_deref().map(|code| &code.returns) {
                Some(Shape::Dict(Some(keys))) => match keys.get(key) {
                    Some(shape) => Self::one(shape.clone()),
                    None => Self::Absent,
                },
                _ => Self::NotKnown,
            };
        }
        let known = task.callable.is_some() || execute(task).is_some();
        if !known || key.starts_with('_') || key == "skipmixin_key" { Self::NotKnown } else { Self::Absent }
    }
}

/// The code of the tree whose result a task stores as it is; none where it stores none.
pub(in crate::diff) fn returned<'t>(dag: &Dag, task: &'t Task) -> Option<&'t Callable> {
    let off = dag.option(task, "do_xcom_push") == Some("False");
    let code = task.callable.as_deref().or_else(|| execute(task))?;
    (!off && matches!(kind(task), Returns::Result)).then_some(code)
}

/// What an operator makes of what its code returns.
enum Returns {
    /// That is what is stored.
    Result,
    /// It stores a text, like the last line of a command.
    Text,
    NotKnown,
}

fn kind(task: &Task) -> Returns {
    let operator = task.operator.as_str();
    match operator {
        "BashOperator" | "_BashDecoratedOperator" => Returns::Text,
        _ if task.callable.is_some() => {
            let runs_it = ["Python", "Virtualenv", "ShortCircuit", "Branch", "AssetMain"];
            let sensor = operator.contains("Sensor");
            if !sensor && runs_it.iter().any(|word| operator.contains(word)) {
                Returns::Result
            } else {
                Returns::NotKnown
            }
        }
        _ if execute(task).is_some() => Returns::Result,
        _ => Returns::NotKnown,
    }
}

fn execute(task: &Task) -> Option<&Callable> {
    task.methods.iter().map(AsRef::as_ref).find(|method| method.name == "execute")
}

/// The innermost mapped group around a group, itself included.
fn mapped_group<'a>(dag: &'a Dag, mut group: Option<&'a GroupId>) -> Option<&'a GroupId> {
    for _ in 0..=dag.groups.len() {
        let id = group?;
        let found = self::group(dag, id)?;
        if found.mapped.is_some() {
            return Some(id);
        }
        group = found.parent.as_ref();
    }
    None
}

fn group<'a>(dag: &'a Dag, id: &GroupId) -> Option<&'a Group> {
    dag.groups.iter().find(|group| group.group_id.exact() == Some(id))
}
