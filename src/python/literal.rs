//! Values in canonical text, read again: the literals of an argument, the arguments of a call.

use super::canonical;
use super::parse::parse;
use super::syntax::{Arg, Expr, ExprKind, StmtKind};
use super::value::last_name;
use std::collections::BTreeMap;

/// Calls `look` with the one expression that the text is.
pub(crate) fn expression<T>(text: &str, look: impl Fn(&Expr) -> Option<T>) -> Option<T> {
    let module = parse(text.as_bytes()).ok()?;
    match module.body.as_slice() {
        [stmt] => match &stmt.kind {
            StmtKind::Expr(expr) => look(expr),
            _ => None,
        },
        _ => None,
    }
}

/// The text that a literal is.
pub(crate) fn text(canonical: &str) -> Option<String> {
    expression(canonical, |expr| match &expr.kind {
        ExprKind::Str(text) => Some(text.to_string()),
        _ => None,
    })
}

/// The texts of a literal that is a text, or a list of texts.
pub(crate) fn texts(canonical: &str) -> Vec<String> {
    let read = |expr: &Expr| match &expr.kind {
        ExprKind::Str(text) => Some(vec![text.to_string()]),
        ExprKind::List(items) | ExprKind::Tuple(items) | ExprKind::Set(items) => Some(
            items
                .iter()
                .filter_map(|item| match &item.kind {
                    ExprKind::Str(text) => Some(text.to_string()),
                    _ => None,
                })
                .collect(),
        ),
        _ => None,
    };
    expression(canonical, read).unwrap_or_default()
}

/// The keys of a literal dict whose keys are texts.
pub(crate) fn keys(canonical: &str) -> Option<Vec<String>> {
    expression(canonical, |expr| match &expr.kind {
        ExprKind::Dict(pairs) => pairs
            .iter()
            .map(|(key, _)| match key.as_ref().map(|key| &key.kind) {
                Some(ExprKind::Str(text)) => Some(text.to_string()),
                _ => None,
            })
            .collect(),
        _ => None,
    })
}

/// What a literal dict holds under a key that is a text, in canonical text.
pub(crate) fn member(canonical: &str, name: &str) -> Option<String> {
    expression(canonical, |expr| match &expr.kind {
        ExprKind::Dict(pairs) => pairs
            .iter()
            .rfind(|(key, _)| matches!(key.as_ref().map(|key| &key.kind), Some(ExprKind::Str(text)) if &**text == name))
            .map(|(_, value)| canonical::expression(value)),
        _ => None,
    })
}

/// A call in canonical text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// The last name of what is called.
    pub(crate) name: String,
    /// Arguments by position.
    pub(crate) positional: Vec<String>,
    /// Arguments by name; of a list its elements, of anything else it alone.
    pub(crate) named: BTreeMap<String, Vec<String>>,
}

/// The call that the text is.
pub(crate) fn call(canonical: &str) -> Option<Call> {
    expression(canonical, |expr| {
        let ExprKind::Call(callee, args) = &expr.kind else { return None };
        let mut call = Call { name: last_name(callee)?.to_owned(), positional: Vec::new(), named: BTreeMap::new() };
        for arg in args {
            match arg {
                Arg::Positional(value) => call.positional.push(canonical::expression(value)),
                Arg::Keyword(name, value) => {
                    let values = match &value.kind {
                        ExprKind::List(items) | ExprKind::Tuple(items) => {
                            items.iter().map(canonical::expression).collect()
                        }
                        _ => vec![canonical::expression(value)],
                    };
                    call.named.insert(name.to_string(), values);
                }
                Arg::Star(_) | Arg::DoubleStar(_) => return None,
            }
        }
        Some(call)
    })
}

/// What the calls of these names in a text are given first: the URIs of `[Asset("x"), Asset("y")]`. Where
/// the text is a call with one of these arguments, those alone are looked into.
pub(crate) fn given_to(text: &str, names: &[&str], arguments: &[&str]) -> Vec<String> {
    let look = |expr: &Expr| {
        let mut all = Vec::new();
        match &expr.kind {
            ExprKind::Call(_, args) if !arguments.is_empty() => {
                for arg in args {
                    if let Arg::Keyword(name, value) = arg
                        && arguments.contains(&&**name)
                    {
                        gather(value, names, &mut all);
                    }
                }
            }
            _ => gather(expr, names, &mut all),
        }
        Some(all)
    };
    expression(text, look).unwrap_or_default()
}

fn gather(expr: &Expr, names: &[&str], found: &mut Vec<String>) {
    match &expr.kind {
        ExprKind::Call(callee, args) => {
            let is_named = last_name(callee).is_some_and(|name| names.contains(&name));
            for arg in args {
                match arg {
                    Arg::Positional(Expr { kind: ExprKind::Str(text), .. }) if is_named => {
                        found.push(text.to_string());
                        break;
                    }
                    Arg::Keyword(name, Expr { kind: ExprKind::Str(text), .. })
                        if is_named && matches!(&**name, "uri" | "name") =>
                    {
                        found.push(text.to_string());
                    }
                    Arg::Positional(value) | Arg::Keyword(_, value) => gather(value, names, found),
                    Arg::Star(_) | Arg::DoubleStar(_) => {}
                }
            }
        }
        ExprKind::List(items) | ExprKind::Tuple(items) | ExprKind::Set(items) => {
            for item in items {
                gather(item, names, found);
            }
        }
        ExprKind::Binary(first, rest) => {
            gather(first, names, found);
            for (_, value) in rest {
                gather(value, names, found);
            }
        }
        _ => {}
    }
}
