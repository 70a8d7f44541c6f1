//! `namedtuple("R", "a b")` and `NamedTuple("R", [("a", int)])`, read as the classes that they make.

use crate::python::syntax::{Arg, Class, Expr, ExprKind, Name, Stmt, StmtKind};

/// The class that such a call makes, whose base is what is called; none for any other call, and where its fields
/// are not in the text.
pub(super) fn named_tuple(name: &Name, (callee, parts): (&Expr, &[Name]), args: &[Arg]) -> Option<Class> {
    let last = parts.last()?;
    if !matches!(&**last, "namedtuple" | "NamedTuple") {
        return None;
    }
    let [Arg::Positional(_), Arg::Positional(fields), options @ ..] = args else { return None };
    let names = if &**last == "namedtuple" { names(fields)? } else { typed(fields)? };
    let mut defaults = 0;
    for option in options {
        match option {
            Arg::Keyword(option, value) if &**option == "defaults" => defaults = items(value)?.len(),
            Arg::Keyword(option, _) if &**option == "module" => {}
            _ => return None,
        }
    }
    let needed = names.len().checked_sub(defaults)?;
    let expr = |kind| Expr { kind, span: callee.span };
    let body = names.into_iter().enumerate().map(|(at, field)| {
        let value = (at >= needed).then(|| expr(ExprKind::Ellipsis));
        let annotation = Box::new(expr(ExprKind::Name("object".into())));
        let kind = StmtKind::Annotated { target: Box::new(expr(ExprKind::Name(field))), annotation, value };
        Stmt { kind, span: callee.span }
    });
    let (first, rest) = parts.split_first()?;
    let base = rest.iter().fold(expr(ExprKind::Name(first.clone())), |object, part| {
        expr(ExprKind::Attribute(Box::new(object), part.clone()))
    });
    Some(Class { name: name.clone(), arguments: vec![Arg::Positional(base)], body: body.collect() })
}

fn items(list: &Expr) -> Option<&[Expr]> {
    match &list.kind {
        ExprKind::List(items) | ExprKind::Tuple(items) => Some(items),
        _ => None,
    }
}

/// `"a b"`, `"a, b"` or a list of texts.
fn names(fields: &Expr) -> Option<Vec<Name>> {
    if let ExprKind::Str(text) = &fields.kind {
        let parts = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty());
        return Some(parts.map(Name::from).collect());
    }
    items(fields)?.iter().map(text).collect()
}

/// `[("a", int), …]`.
fn typed(fields: &Expr) -> Option<Vec<Name>> {
    items(fields)?.iter().map(|pair| text(items(pair)?.first()?)).collect()
}

fn text(expr: &Expr) -> Option<Name> {
    match &expr.kind {
        ExprKind::Str(text) => Some(text.clone()),
        _ => None,
    }
}
