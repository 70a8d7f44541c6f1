//! Functions that run alone, in an interpreter of their own: nothing of their file is there.

use super::{Code, Fault};
use crate::content::Span;
use crate::dag::Task;
use crate::python::interpret::is_builtin;
use crate::python::names::{Names, bodies, children};
use crate::python::syntax::{Clause, Expr, ExprKind, Function, Name, Stmt, StmtKind};
use std::collections::{BTreeMap, BTreeSet};

/// Parts of the names of operators that write the text of their function into a file and run that (read in 2.6.2,
/// 2.11.2 and 3.3.2).
const ALONE: [&str; 3] = ["PythonVirtualenv", "ExternalPython", "PythonExternal"];

impl Code {
    /// Names of its file that a function reads although it runs without them.
    pub(super) fn alone(&self, task: &Task) -> Vec<Fault> {
        if !ALONE.iter().any(|name| task.operator.contains(name)) {
            return Vec::new();
        }
        let Some(function) = task.callable.as_ref().and_then(|callable| self.function_at(&callable.at)) else {
            return Vec::new();
        };
        let mut read = Read::default();
        read.function(&function.def);
        let faults = read.names.iter().filter(|(name, _)| !read.bound.contains(*name)).map(|(name, span)| Fault {
            message: format!("NameError: name `{name}` is not defined where the function runs, alone"),
            within: function.def.name.to_string(),
            callee: None,
            at: self.location(function.file, *span),
            doubt: None,
            symbol: true,
            goes_on: false,
        });
        faults.collect()
    }
}

/// The names that a function and those within it read, and those that they bind.
#[derive(Default)]
struct Read {
    names: BTreeMap<Name, Span>,
    bound: BTreeSet<Name>,
}

impl Read {
    fn function(&mut self, def: &Function) {
        self.bound.extend(Names::of_function(def).bound.into_keys());
        self.body(&def.body);
    }

    fn body(&mut self, body: &[Stmt]) {
        for stmt in body {
            match &stmt.kind {
                StmtKind::Function { def, .. } => self.function(def),
                StmtKind::Class { def, .. } => self.bound.extend(Names::of_body(&def.body).bound.into_keys()),
                StmtKind::Expr(value) | StmtKind::Return(Some(value)) | StmtKind::Raise(Some(value)) => {
                    self.expr(value);
                }
                StmtKind::Assign { value, .. } | StmtKind::Annotated { value: Some(value), .. } => self.expr(value),
                StmtKind::If { arms, .. } => arms.iter().for_each(|(test, _)| self.expr(test)),
                StmtKind::For(repeated) => self.expr(&repeated.iter),
                StmtKind::While { test, .. } => self.expr(test),
                StmtKind::With(with) => with.items.iter().for_each(|(context, _)| self.expr(context)),
                _ => {}
            }
            // What a `try` meets may be caught.
            if !matches!(stmt.kind, StmtKind::Function { .. } | StmtKind::Try { .. }) {
                bodies(&stmt.kind, &mut |body| self.body(body));
            }
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Name(name) if !is_builtin(name) && !name.starts_with("__") => {
                self.names.entry(name.clone()).or_insert(expr.span);
            }
            ExprKind::Lambda(def) => self.function(def),
            ExprKind::Comprehension(all) => {
                for clause in &all.clauses {
                    if let Clause::For(target, _) = clause {
                        self.targets(target);
                    }
                }
                children(expr, &mut |child| self.expr(child));
            }
            _ => children(expr, &mut |child| self.expr(child)),
        }
    }

    fn targets(&mut self, target: &Expr) {
        match &target.kind {
            ExprKind::Name(name) => {
                self.bound.insert(name.clone());
            }
            _ => children(target, &mut |child| self.targets(child)),
        }
    }
}
