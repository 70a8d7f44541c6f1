//! Values that pass between tasks.

use crate::dag::Shape;
use crate::ids::TaskId;

/// What became of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A task returns a value of another type or layout than a task that takes it knew.
    TypeChanged {
        /// The task whose value it is.
        producer: TaskId,
        /// The task that takes it.
        consumer: TaskId,
        /// What the deployed code returns.
        before: Shape,
        /// What the proposed code returns.
        after: Shape,
        /// Whether the consumer's code changes with it.
        consumer_changes: bool,
    },
}

impl Data {
    pub(super) const WORDS: &[&str] = &["xcom-type-changed"];

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::TypeChanged { .. } => "xcom-type-changed",
        }
    }

    pub(super) fn subject(&self) -> String {
        match self {
            Self::TypeChanged { producer, .. } => producer.to_string(),
        }
    }

    pub(super) fn before(&self) -> String {
        match self {
            Self::TypeChanged { before, .. } => shape(before),
        }
    }

    pub(super) fn after(&self) -> String {
        match self {
            Self::TypeChanged { after, consumer, .. } => format!("{}` to `{consumer}", shape(after)),
        }
    }
}

/// A type in Python's own words.
fn shape(shape: &Shape) -> String {
    let all = |shapes: &mut dyn Iterator<Item = &Shape>, between: &str| -> String {
        shapes.map(self::shape).collect::<Vec<_>>().join(between)
    };
    match shape {
        Shape::Any => "Any".to_string(),
        Shape::None => "None".to_string(),
        Shape::Named(name) | Shape::Record(name, _) => name.clone(),
        Shape::Dict(None) => "dict".to_string(),
        Shape::Dict(Some(keys)) => {
            format!("dict with {}", keys.keys().map(String::as_str).collect::<Vec<_>>().join(", "))
        }
        Shape::List(inner) if **inner == Shape::Any => "list".to_string(),
        Shape::List(inner) => format!("list[{}]", self::shape(inner)),
        Shape::Tuple(parts) => format!("tuple[{}]", all(&mut parts.iter(), ", ")),
        Shape::Union(parts) => all(&mut parts.iter(), " | "),
    }
}
