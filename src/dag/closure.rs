//! What a function takes from the functions around it.

use super::Arguments;
use super::world::Run;
use crate::content::BlobId;
use crate::python::syntax::{Expr, ExprKind, Function};
use crate::python::value::{Object, Ref, Value};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Values longer than this (in bytes) are held by their digest.
const LONGEST: usize = 256;

/// The values, by name, that make one function of a factory other work than the next: names of the
/// functions around it that its code uses, and defaults that are evaluated where it is defined. Names of
/// its module are not among them, since all functions there share those. `code` gives a function's
/// canonical text.
pub(super) fn captured(run: &Run, function: Ref, code: impl FnOnce(&Function) -> Rc<str>) -> Arguments {
    let Object::Function(function) = run.object(function) else { return Arguments::default() };
    let mut found = BTreeMap::new();
    let mut keep = |name: &str, value: &Value| {
        if !found.contains_key(name) {
            let text = run.text(value);
            let text = if text.len() > LONGEST { BlobId::of(text.as_bytes()).to_string() } else { text };
            found.insert(name.to_owned(), text);
        }
    };
    for (parameter, value) in function.def.parameters.iter().zip(&function.defaults) {
        if let (Some(value), Some(written)) = (value, &parameter.default)
            && !is_literal(written)
        {
            keep(&parameter.name, value);
        }
    }
    if !run.is_module(function.scope) {
        let code = code(&function.def);
        let own = |name: &str| function.def.parameters.iter().any(|parameter| &*parameter.name == name);
        // A word within a text counts too, which only makes two functions differ that need not.
        for name in code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !own(word)) {
            if let Some(value) = run.of_function_around(function.scope, name)
                && run.hosts_in(value).is_empty()
            {
                keep(name, value);
            }
        }
    }
    Arguments::of(&found)
}

/// Whether the code says the value, so that functions of equal code have equal defaults.
fn is_literal(expr: &Expr) -> bool {
    matches!(
        expr.kind,
        ExprKind::None
            | ExprKind::True
            | ExprKind::False
            | ExprKind::Ellipsis
            | ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Number(_)
            | ExprKind::Str(_)
            | ExprKind::Bytes(_)
    )
}
