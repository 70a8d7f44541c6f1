//! What a task stores under a key when it ends.

use super::read::codes;
use crate::dag::{Callable, Dag, Shape, Task};
use crate::ids::GroupId;

/// The key of what a task returns.
pub(super) const RETURNED: &str = "return_value";

/// What is stored under a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A value of that shape.
    Known(Shape),
    /// Nothing.
    Absent,
    /// The text does not say.
    NotKnown,
}

impl Value {
    /// What `task` of `dag` stores under `key`, as `reader` of the same DAG finds it.
    pub(super) fn of(task: &Task, dag: &Dag, key: &str, reader: &Task) -> Self {
        let one = Self::of_instance(task, key);
        let (around, beside) = (mapped_group(dag, task.group.as_ref()), mapped_group(dag, reader.group.as_ref()));
        let many = task.mapped.is_some() || around.is_some_and(|group| beside != Some(group));
        match one {
            // A mapped task that is not expanded over anything stores an empty list all the same.
            Self::Known(shape) if many => Self::Known(Shape::List(Box::new(shape))),
            Self::Absent if many => Self::NotKnown,
            one => one,
        }
    }

    fn of_instance(task: &Task, key: &str) -> Self {
        let off = task.arguments.get("do_xcom_push") == Some("False");
        let codes: Vec<&Callable> = codes(task).collect();
        if key == RETURNED {
            return match (off, task.callable.as_deref().or_else(|| execute(task)), kind(task)) {
                (true, ..) => Self::Absent,
                (_, _, Returns::Text) => Self::Known(Shape::Named("str".into())),
                (_, _, Returns::NotKnown) | (_, None, _) => Self::NotKnown,
                (_, Some(code), Returns::Result) => match &code.returns {
                    Shape::None => Self::Absent,
                    Shape::Any => Self::NotKnown,
                    shape => Self::Known(shape.clone()),
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
            [one] => return if *one == Shape::Any { Self::NotKnown } else { Self::Known(one.clone()) },
            _ => return Self::NotKnown,
        }
        if codes.is_empty() || codes.iter().any(|code| code.exchange.pushes_more.is_some()) {
            return Self::NotKnown;
        }
        if task.multiple_outputs == Some(true) && !off {
            return match task.callable.as_deref().map(|code| &code.returns) {
                Some(Shape::Dict(Some(keys))) => match keys.get(key) {
                    Some(Shape::Any) => Self::NotKnown,
                    Some(shape) => Self::Known(shape.clone()),
                    None => Self::Absent,
                },
                _ => Self::NotKnown,
            };
        }
        let known = task.callable.is_some() || execute(task).is_some();
        if !known || key.starts_with('_') || key == "skipmixin_key" { Self::NotKnown } else { Self::Absent }
    }
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
        let found = dag.groups.iter().find(|group| group.group_id.exact() == Some(id))?;
        if found.mapped.is_some() {
            return Some(id);
        }
        group = found.parent.as_ref();
    }
    None
}
