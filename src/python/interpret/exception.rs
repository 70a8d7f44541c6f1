//! `raise` and `try`.

use super::branch::Join;
use super::{Flow, Host, Interp};
use crate::python::syntax::{Expr, ExprKind, Handler, Stmt, StmtKind};
use crate::python::value::{At, Raised, Stop, Unknown};
use std::rc::Rc;

impl<H: Host> Interp<'_, H> {
    pub(super) fn raised(&mut self, value: Option<&Expr>, at: At) -> Result<Stop, Stop> {
        let (mut class, mut message) = ("Exception".to_owned(), String::new());
        if let Some(value) = value {
            let callee = match &value.kind {
                ExprKind::Call(callee, _) => callee,
                _ => value,
            };
            if let Some(name) = crate::python::value::last_name(callee) {
                name.clone_into(&mut class);
            }
            let value = self.eval(value)?;
            message = self.text(&value);
        }
        Ok(Stop::Raise(Rc::new(Raised { class: class.into(), message, at, certain: self.maybe.is_empty() })))
    }

    pub(super) fn try_statement(
        &mut self,
        body: &[Stmt],
        handlers: &[Handler],
        orelse: &[Stmt],
        finally: &[Stmt],
        at: At,
    ) -> Result<Flow, Stop> {
        let result = self.try_body(body, handlers, orelse, at);
        if matches!(result, Err(Stop::Limit(..))) {
            return result;
        }
        match self.block(finally)? {
            Flow::Next => result,
            flow => Ok(flow),
        }
    }

    fn try_body(&mut self, body: &[Stmt], handlers: &[Handler], orelse: &[Stmt], at: At) -> Result<Flow, Stop> {
        let before = self.may_raise;
        let failed = self.failed.clone();
        match self.guarded(body, handlers, at) {
            Ok(flow) => {
                if self.may_raise > before {
                    self.alternatives(handlers, at)?;
                }
                match flow {
                    Flow::Next => self.block(orelse),
                    flow => Ok(flow),
                }
            }
            Err(Stop::Raise(raised)) => {
                let raised_at = raised.at;
                for handler in handlers {
                    if catches(handler, &raised) {
                        self.failed = failed;
                        self.bind_exception(handler, raised_at);
                        return self.block(&handler.body);
                    }
                }
                Err(Stop::Raise(raised))
            }
            Err(limit) => Err(limit),
        }
    }

    /// The body of a `try`: once something outside may have raised, and a handler goes on, the
    /// rest of the body is conditional.
    fn guarded(&mut self, body: &[Stmt], handlers: &[Handler], at: At) -> Result<Flow, Stop> {
        let swallows = handlers
            .iter()
            .any(|handler| !matches!(handler.body.last().map(|stmt| &stmt.kind), Some(StmtKind::Raise(_))));
        let conditions = self.maybe.len();
        let mut result = Ok(Flow::Next);
        for stmt in body {
            let before = self.may_raise;
            result = self.statement(stmt);
            if !matches!(result, Ok(Flow::Next)) {
                break;
            }
            if swallows && self.may_raise > before && self.maybe.len() == conditions {
                let why = Unknown::new("something outside the tree may raise", self.at(stmt.span), "raised");
                self.maybe.push(Rc::new(why));
            }
        }
        let _ = at;
        self.maybe.truncate(conditions);
        result
    }

    fn bind_exception(&mut self, handler: &Handler, at: At) {
        if let Some(name) = &handler.name {
            let value = Unknown::new("an exception", at, "exception").value();
            self.set_name(name, value);
        }
    }

    /// What the handlers would leave, had something outside raised.
    fn alternatives(&mut self, handlers: &[Handler], at: At) -> Result<(), Stop> {
        let why = Rc::new(Unknown::new("depends on whether something outside the tree raises", at, "raised"));
        for handler in handlers {
            let outcome = self.branch(&why, |interp| {
                interp.bind_exception(handler, at);
                interp.block(&handler.body)
            })?;
            if let Some(outcome) = outcome {
                // A handler that leaves the function has no influence on what follows here, but
                // then what follows is conditional.
                let _ = self.join(vec![outcome], true, Join::OneOf, &why);
            }
        }
        Ok(())
    }
}

/// Whether a handler takes an exception, by the names of both.
fn catches(handler: &Handler, raised: &Raised) -> bool {
    let Some(kind) = &handler.kind else { return true };
    let kinds: Vec<&Expr> = match &kind.kind {
        ExprKind::Tuple(items) => items.iter().collect(),
        _ => vec![kind],
    };
    kinds.into_iter().any(|kind| {
        crate::python::value::last_name(kind).is_some_and(|name| {
            name == &*raised.class
                || matches!(name, "Exception" | "BaseException")
                || matches!(
                    (name, &*raised.class),
                    ("ImportError", "ModuleNotFoundError")
                        | ("ModuleNotFoundError", "ImportError")
                        | ("LookupError", "KeyError" | "IndexError")
                        | ("ValueError", "JSONDecodeError" | "TOMLDecodeError" | "UnicodeDecodeError")
                        | ("YAMLError" | "MarkedYAMLError", "ComposerError" | "ConstructorError")
                )
        })
    })
}
