//! Decorators of the tree that put another function in the place of the one that they are given.

use super::{FunctionRef, Program, Target};
use crate::python::canonical;
use crate::python::names::dotted;
use crate::python::syntax::{Expr, ExprKind, Function, Name, Stmt, StmtKind, without_docstring};
use std::rc::Rc;

impl Program {
    /// The function that is called in place of a decorated one: what its only decorator makes around it.
    pub(crate) fn called_for(&self, function: &FunctionRef) -> Option<Rc<Function>> {
        let [decorator] = &*function.decorators else { return None };
        let parts: Vec<Name> = decorator.split('.').map(Into::into).collect();
        let Target::Function(made_by) = self.dotted(function.file, &function.around, &parts) else { return None };
        if !made_by.decorators.is_empty() || made_by.def.is_async || made_by.def.generator {
            return None;
        }
        let inner = returned(&made_by.def)?;
        if calls_one_of(&inner, &made_by.def) {
            return Some(inner);
        }
        // One that takes arguments makes the one that is given the function.
        let innermost = returned(&inner)?;
        calls_one_of(&innermost, &inner).then_some(innermost)
    }
}

/// The function that a function defines within itself and always returns as it is.
fn returned(def: &Function) -> Option<Rc<Function>> {
    let (last, rest) = without_docstring(&def.body).split_last()?;
    let StmtKind::Return(Some(Expr { kind: ExprKind::Name(name), .. })) = &last.kind else { return None };
    let mut found = None;
    for stmt in rest {
        match &stmt.kind {
            StmtKind::Function { def, decorators } if def.name == *name => {
                let known = decorators.iter().all(is_wraps) && found.is_none();
                found = known.then(|| def.clone());
                found.as_ref()?;
            }
            StmtKind::Function { .. } | StmtKind::Expr(_) | StmtKind::Import(_) | StmtKind::ImportFrom { .. } => {}
            StmtKind::Assign { .. } | StmtKind::Annotated { .. } if !binds(stmt, name) => {}
            _ => return None,
        }
    }
    found
}

/// Whether a decorator is a call of `functools.wraps`.
pub(crate) fn is_wraps(decorator: &Expr) -> bool {
    let ExprKind::Call(callee, _) = &decorator.kind else { return false };
    dotted(callee).is_some_and(|parts| parts.last().is_some_and(|name| &**name == "wraps"))
}

fn binds(stmt: &Stmt, name: &Name) -> bool {
    let is_it = |target: &Expr| match &target.kind {
        ExprKind::Name(bound) => bound == name,
        // What stands in a list of targets is not looked at.
        ExprKind::Tuple(_) | ExprKind::List(_) => true,
        _ => false,
    };
    match &stmt.kind {
        StmtKind::Assign { targets, .. } => targets.iter().any(is_it),
        StmtKind::Annotated { target, .. } => is_it(target),
        _ => true,
    }
}

/// Whether a function calls what the one around it is given.
fn calls_one_of(inner: &Function, outer: &Function) -> bool {
    let text = canonical::function(inner);
    let is_called = |name: &str| {
        let called = format!("{name}(");
        text.match_indices(&called).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            before.is_none_or(|before| !before.is_alphanumeric() && !matches!(before, '_' | '.'))
        })
    };
    outer.parameters.iter().any(|parameter| is_called(&parameter.name))
}
