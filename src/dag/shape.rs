//! What functions return and take, as far as the text holds it.

use super::Shape;
use crate::content::Span;
use crate::python::syntax::{BinaryOp, Expr, ExprKind, Function, Name, Stmt, StmtKind, UnaryOp};
use crate::python::value::last_name;
use std::collections::{BTreeMap, BTreeSet};

/// What a function returns and where that is decided: its `return` statements if they say it,
/// else its annotation.
pub(super) fn returns(function: &Function) -> (Shape, Span) {
    let mut found = Returns { shapes: BTreeSet::new(), first: None, locals: locals(function), known: true };
    found.block(&function.body);
    if !ends(&function.body) {
        found.shapes.insert(Shape::None);
    }
    let known = found.known && !found.shapes.contains(&Shape::Any) && !function.generator;
    match (known, &function.returns) {
        (true, _) => (union(found.shapes), found.first.unwrap_or(function.span)),
        (false, Some(annotation)) => (self::annotation(annotation), annotation.span),
        (false, None) => (Shape::Any, found.first.unwrap_or(function.span)),
    }
}

fn union(shapes: BTreeSet<Shape>) -> Shape {
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
    match flat.len() {
        0 => Shape::None,
        1 => flat.into_iter().next().unwrap_or(Shape::None),
        _ => Shape::Union(flat),
    }
}

struct Returns {
    shapes: BTreeSet<Shape>,
    first: Option<Span>,
    locals: BTreeMap<Name, Shape>,
    known: bool,
}

impl Returns {
    fn block(&mut self, body: &[Stmt]) {
        for stmt in body {
            match &stmt.kind {
                StmtKind::Return(value) => {
                    self.first.get_or_insert(stmt.span);
                    let shape = value.as_ref().map_or(Shape::None, |value| expression(value, &self.locals));
                    self.shapes.insert(shape);
                }
                StmtKind::If { arms, orelse } => {
                    for (_, body) in arms {
                        self.block(body);
                    }
                    self.block(orelse);
                }
                StmtKind::For(repeated) => {
                    self.block(&repeated.body);
                    self.block(&repeated.orelse);
                }
                StmtKind::While { body, orelse, .. } => {
                    self.block(body);
                    self.block(orelse);
                }
                StmtKind::Try { body, handlers, orelse, finally } => {
                    self.block(body);
                    for handler in handlers {
                        self.block(&handler.body);
                    }
                    self.block(orelse);
                    self.block(finally);
                }
                StmtKind::With(with) => self.block(&with.body),
                StmtKind::Match { cases, .. } => cases.iter().for_each(|case| self.block(&case.body)),
                _ => {}
            }
        }
    }
}

/// Whether a body cannot run off its end.
fn ends(body: &[Stmt]) -> bool {
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

/// Names of a function whose shape is beyond doubt: annotated parameters that are never assigned,
/// and locals that one statement assigns.
fn locals(function: &Function) -> BTreeMap<Name, Shape> {
    let mut assigned: BTreeMap<Name, usize> = BTreeMap::new();
    let mut shapes: BTreeMap<Name, Shape> = BTreeMap::new();
    count(&function.body, &mut assigned, &mut shapes);
    shapes.retain(|name, _| assigned.get(name) == Some(&1));
    for parameter in &function.parameters {
        let plain = matches!(
            parameter.kind,
            crate::python::syntax::ParameterKind::Plain | crate::python::syntax::ParameterKind::KeywordOnly
        );
        if plain
            && !assigned.contains_key(&parameter.name)
            && let Some(of) = &parameter.annotation
        {
            shapes.insert(parameter.name.clone(), annotation(of));
        } else if plain {
            shapes.remove(&parameter.name);
        }
    }
    shapes
}

fn count(body: &[Stmt], assigned: &mut BTreeMap<Name, usize>, shapes: &mut BTreeMap<Name, Shape>) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Assign { targets, value } => {
                for target in targets {
                    if let ExprKind::Name(name) = &target.kind {
                        *assigned.entry(name.clone()).or_default() += 1;
                        let shape = match expression(value, shapes) {
                            // Keys may be added and elements appended.
                            Shape::Dict(_) => Shape::Dict(None),
                            Shape::List(_) => Shape::List(Box::new(Shape::Any)),
                            shape => shape,
                        };
                        shapes.insert(name.clone(), shape);
                    } else {
                        names(target, assigned);
                    }
                }
            }
            StmtKind::Annotated { target, value, .. } => {
                names(target, assigned);
                let _ = value;
            }
            StmtKind::Augmented { target, .. } => {
                names(target, assigned);
                names(target, assigned);
            }
            StmtKind::For(repeated) => {
                names(&repeated.target, assigned);
                count(&repeated.body, assigned, shapes);
                count(&repeated.orelse, assigned, shapes);
            }
            StmtKind::If { arms, orelse } => {
                for (_, body) in arms {
                    count(body, assigned, shapes);
                }
                count(orelse, assigned, shapes);
            }
            StmtKind::While { body, orelse, .. } => {
                count(body, assigned, shapes);
                count(orelse, assigned, shapes);
            }
            StmtKind::Try { body, handlers, orelse, finally } => {
                count(body, assigned, shapes);
                for handler in handlers {
                    count(&handler.body, assigned, shapes);
                }
                count(orelse, assigned, shapes);
                count(finally, assigned, shapes);
            }
            StmtKind::With(with) => {
                with.items.iter().filter_map(|(_, target)| target.as_ref()).for_each(|target| names(target, assigned));
                count(&with.body, assigned, shapes);
            }
            StmtKind::Global(all) | StmtKind::Nonlocal(all) => {
                for name in all {
                    *assigned.entry(name.clone()).or_default() += 2;
                }
            }
            _ => {}
        }
    }
}

fn names(target: &Expr, assigned: &mut BTreeMap<Name, usize>) {
    match &target.kind {
        ExprKind::Name(name) => *assigned.entry(name.clone()).or_default() += 1,
        ExprKind::Tuple(items) | ExprKind::List(items) => items.iter().for_each(|item| names(item, assigned)),
        ExprKind::Starred(inner) => names(inner, assigned),
        _ => {}
    }
}

fn named(name: &str) -> Shape {
    Shape::Named(name.to_owned())
}

fn expression(expr: &Expr, locals: &BTreeMap<Name, Shape>) -> Shape {
    match &expr.kind {
        ExprKind::None => Shape::None,
        ExprKind::True | ExprKind::False | ExprKind::Compare(..) | ExprKind::Unary(UnaryOp::Not, _) => named("bool"),
        ExprKind::Int(_) => named("int"),
        ExprKind::Float(_) => named("float"),
        ExprKind::Str(_) | ExprKind::Format(_) => named("str"),
        ExprKind::Bytes(_) => named("bytes"),
        ExprKind::Name(name) => locals.get(name).cloned().unwrap_or(Shape::Any),
        ExprKind::Unary(_, value) => match expression(value, locals) {
            shape @ Shape::Named(_) => shape,
            _ => Shape::Any,
        },
        ExprKind::Binary(first, rest) => {
            let mut shape = expression(first, locals);
            for (op, value) in rest {
                shape = arithmetic(*op, &shape, &expression(value, locals));
            }
            shape
        }
        ExprKind::Conditional { then, orelse, .. } => {
            union(BTreeSet::from([expression(then, locals), expression(orelse, locals)]))
        }
        ExprKind::Dict(pairs) => Shape::Dict(
            pairs
                .iter()
                .map(|(key, _)| match key.as_ref().map(|key| &key.kind) {
                    Some(ExprKind::Str(key)) => Some(key.to_string()),
                    _ => None,
                })
                .collect(),
        ),
        ExprKind::List(items) => {
            let shapes: BTreeSet<Shape> = items.iter().map(|item| expression(item, locals)).collect();
            Shape::List(Box::new(if shapes.is_empty() { Shape::Any } else { union(shapes) }))
        }
        ExprKind::Tuple(items) if !items.iter().any(|item| matches!(item.kind, ExprKind::Starred(_))) => {
            Shape::Tuple(items.iter().map(|item| expression(item, locals)).collect())
        }
        ExprKind::Comprehension(all) => match all.kind {
            crate::python::syntax::ComprehensionKind::List => Shape::List(Box::new(Shape::Any)),
            crate::python::syntax::ComprehensionKind::Dict => Shape::Dict(None),
            _ => Shape::Any,
        },
        ExprKind::Call(callee, _) => match &callee.kind {
            ExprKind::Name(name) => match &**name {
                "str" | "repr" | "format" => named("str"),
                "int" | "len" | "ord" | "hash" => named("int"),
                "float" => named("float"),
                "bool" | "isinstance" | "any" | "all" => named("bool"),
                "list" | "sorted" => Shape::List(Box::new(Shape::Any)),
                "dict" => Shape::Dict(None),
                _ => Shape::Any,
            },
            ExprKind::Attribute(object, method) => match (&object.kind, &**method) {
                (
                    ExprKind::Str(_) | ExprKind::Format(_),
                    "format" | "join" | "replace" | "strip" | "lower" | "upper",
                ) => named("str"),
                _ => Shape::Any,
            },
            _ => Shape::Any,
        },
        _ => Shape::Any,
    }
}

fn arithmetic(op: BinaryOp, a: &Shape, b: &Shape) -> Shape {
    let (Shape::Named(a), Shape::Named(b)) = (a, b) else { return Shape::Any };
    let number = |name: &str| matches!(name, "int" | "float" | "bool");
    match (op, a.as_str(), b.as_str()) {
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
                    Shape::List(Box::new(parts.first().map_or(Shape::Any, |part| annotation(part))))
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
            Some("list" | "List") => Shape::List(Box::new(Shape::Any)),
            // A quoted annotation that is more than a name is not read.
            Some(name) if name.contains(|c: char| !c.is_alphanumeric() && c != '_') => Shape::Any,
            Some(name) => named(name),
        },
    }
}
