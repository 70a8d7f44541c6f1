//! What functions return and take, as far as the text holds it.

use super::Shape;
use crate::python::syntax::{BinaryOp, Expr, ExprKind, Stmt, StmtKind};
use crate::python::value::last_name;
use std::collections::{BTreeMap, BTreeSet};

impl Shape {
    /// A list of such elements, however many.
    pub fn list(element: Self) -> Self {
        Self::List(Box::new(element), None)
    }

    /// The shape of a literal; any for what is something else, or may be a template.
    pub(crate) fn of_literal(expr: &Expr) -> Self {
        match &expr.kind {
            ExprKind::None => Self::None,
            ExprKind::True | ExprKind::False => Self::Named("bool".into()),
            ExprKind::Int(_) => Self::Named("int".into()),
            ExprKind::Float(_) => Self::Named("float".into()),
            ExprKind::Str(text) if !text.contains('{') => Self::Named("str".into()),
            ExprKind::List(items) if !items.iter().any(|item| matches!(item.kind, ExprKind::Starred(_))) => {
                let elements: BTreeSet<Self> = items.iter().map(Self::of_literal).collect();
                let element = if elements.len() == 1 { elements.into_iter().next() } else { None };
                Self::List(Box::new(element.unwrap_or(Self::Any)), Some(items.len()))
            }
            ExprKind::Tuple(items) => Self::Tuple(items.iter().map(Self::of_literal).collect()),
            ExprKind::Dict(pairs) => {
                let pairs = pairs.iter().map(|(key, value)| match key.as_ref().map(|key| &key.kind) {
                    Some(ExprKind::Str(name)) => Some((name.to_string(), Self::of_literal(value))),
                    _ => None,
                });
                Self::Dict(pairs.collect())
            }
            _ => Self::Any,
        }
    }

    /// The shape of a value that was given as JSON.
    pub(crate) fn of_json(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::None,
            Value::Bool(_) => Self::Named("bool".into()),
            Value::Number(number) if number.is_f64() => Self::Named("float".into()),
            Value::Number(_) => Self::Named("int".into()),
            Value::String(_) => Self::Named("str".into()),
            Value::Array(items) => {
                let elements: BTreeSet<Self> = items.iter().map(Self::of_json).collect();
                let element = if items.is_empty() { Self::Any } else { union(elements) };
                Self::List(Box::new(element), Some(items.len()))
            }
            Value::Object(members) => {
                Self::Dict(Some(members.iter().map(|(key, value)| (key.clone(), Self::of_json(value))).collect()))
            }
        }
    }

    /// Whether it says of any list how long it is.
    pub(super) fn is_measured(&self) -> bool {
        match self {
            Self::List(inner, length) => length.is_some() || inner.is_measured(),
            Self::Tuple(parts) => parts.iter().any(Self::is_measured),
            Self::Dict(Some(members)) | Self::Record(_, members) => members.values().any(Self::is_measured),
            Self::Union(all) => all.iter().any(Self::is_measured),
            Self::Any | Self::None | Self::Named(_) | Self::Dict(None) => false,
        }
    }

    /// The same, however many elements its lists have.
    #[must_use]
    pub fn unmeasured(&self) -> Self {
        match self {
            Self::List(inner, _) => Self::list(inner.unmeasured()),
            Self::Tuple(parts) => Self::Tuple(parts.iter().map(Self::unmeasured).collect()),
            Self::Dict(Some(keys)) => Self::Dict(Some(unmeasured(keys))),
            Self::Record(name, fields) => Self::Record(name.clone(), unmeasured(fields)),
            Self::Union(all) => union(all.iter().map(Self::unmeasured).collect()),
            one => one.clone(),
        }
    }
}

fn unmeasured(members: &BTreeMap<String, Shape>) -> BTreeMap<String, Shape> {
    members.iter().map(|(name, shape)| (name.clone(), shape.unmeasured())).collect()
}

/// One of several, as one shape; lists of several lengths are lists of any.
pub(super) fn union(shapes: BTreeSet<Shape>) -> Shape {
    let mut flat = BTreeSet::new();
    for shape in shapes {
        match shape {
            Shape::Union(inner) => flat.extend(inner),
            shape => {
                flat.insert(shape);
            }
        }
    }
    if flat.contains(&Shape::Any) {
        return Shape::Any;
    }
    if flat.iter().filter(|shape| matches!(shape, Shape::List(..))).count() > 1 {
        let any_length = |shape| match shape {
            Shape::List(inner, _) => Shape::List(inner, None),
            shape => shape,
        };
        flat = flat.into_iter().map(any_length).collect();
    }
    match flat.len() {
        0 => Shape::None,
        1 => flat.into_iter().next().unwrap_or(Shape::None),
        _ => Shape::Union(flat),
    }
}

/// Whether a body cannot run off its end.
pub(super) fn ends(body: &[Stmt]) -> bool {
    body.last().is_some_and(|stmt| match &stmt.kind {
        StmtKind::Return(_) | StmtKind::Raise(_) => true,
        StmtKind::If { arms, orelse } => ends(orelse) && arms.iter().all(|(_, body)| ends(body)),
        StmtKind::With(with) => ends(&with.body),
        StmtKind::Try { body, handlers, orelse, finally } => {
            ends(finally) || (ends(body) || ends(orelse)) && handlers.iter().all(|handler| ends(&handler.body))
        }
        StmtKind::While { test, .. } => matches!(test.kind, ExprKind::True),
        _ => false,
    })
}

fn named(name: &str) -> Shape {
    // Most are one of few.
    const USUAL: [&str; 5] = ["str", "int", "bool", "float", "bytes"];
    let usual = USUAL.into_iter().find(|usual| *usual == name);
    Shape::Named(usual.map_or_else(|| name.to_owned().into(), Into::into))
}

/// What a calculation gives.
pub(super) fn arithmetic(op: BinaryOp, a: &Shape, b: &Shape) -> Shape {
    let (Shape::Named(a), Shape::Named(b)) = (a, b) else { return Shape::Any };
    let number = |name: &str| matches!(name, "int" | "float" | "bool");
    match (op, &**a, &**b) {
        (BinaryOp::Div, a, b) if number(a) && number(b) => named("float"),
        (BinaryOp::Pow, ..) => Shape::Any,
        (_, "float", b) if number(b) => named("float"),
        (_, a, "float") if number(a) => named("float"),
        (_, a, b) if number(a) && number(b) => named("int"),
        (BinaryOp::Add, "str", "str") | (BinaryOp::Mod, "str", _) | (BinaryOp::Mul, "str", "int") => named("str"),
        _ => Shape::Any,
    }
}

/// What an annotation says.
pub(super) fn annotation(expr: &Expr) -> Shape {
    match &expr.kind {
        ExprKind::None => Shape::None,
        ExprKind::Binary(first, rest) if rest.iter().all(|(op, _)| *op == BinaryOp::Or) => {
            let mut shapes = BTreeSet::from([annotation(first)]);
            shapes.extend(rest.iter().map(|(_, part)| annotation(part)));
            union(shapes)
        }
        ExprKind::Subscript(object, index) => {
            let parts: Vec<&Expr> = match &index.kind {
                ExprKind::Tuple(items) => items.iter().collect(),
                _ => vec![index],
            };
            match last_name(object).unwrap_or_default() {
                "Optional" => {
                    union(BTreeSet::from([parts.first().map_or(Shape::Any, |part| annotation(part)), Shape::None]))
                }
                "Union" => union(parts.into_iter().map(annotation).collect()),
                "list" | "List" | "Sequence" | "Iterable" => {
                    Shape::list(parts.first().map_or(Shape::Any, |part| annotation(part)))
                }
                "dict" | "Dict" | "Mapping" => Shape::Dict(None),
                "tuple" | "Tuple" if !parts.iter().any(|part| matches!(part.kind, ExprKind::Ellipsis)) => {
                    Shape::Tuple(parts.into_iter().map(annotation).collect())
                }
                "Annotated" | "Final" => parts.first().map_or(Shape::Any, |part| annotation(part)),
                _ => Shape::Any,
            }
        }
        _ => match last_name(expr) {
            Some("None") => Shape::None,
            Some("Any" | "object" | "tuple" | "Tuple" | "set") | None => Shape::Any,
            Some("dict" | "Dict" | "Mapping") => Shape::Dict(None),
            Some("list" | "List") => Shape::list(Shape::Any),
            // A quoted annotation that is more than a name is not read.
            Some(name) if name.contains(|c: char| !c.is_alphanumeric() && c != '_') => Shape::Any,
            Some(name) => named(name),
        },
    }
}
