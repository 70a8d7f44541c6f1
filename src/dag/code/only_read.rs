//! Whether anything in the tree may change what a name of a module holds.

use super::Code;
use crate::python::names::{bodies, children};
use crate::python::syntax::{Arg, Clause, Expr, ExprKind, Stmt, StmtKind};

/// Built-in functions that leave what they are given as it is, and give nothing by which it could be changed.
const LOOK: [&str; 17] = [
    "len",
    "list",
    "tuple",
    "set",
    "dict",
    "sorted",
    "sum",
    "min",
    "max",
    "any",
    "all",
    "enumerate",
    "zip",
    "str",
    "print",
    "range",
    "isinstance",
];
/// Methods that leave a list or dict as it is.
const READ: [&str; 7] = ["get", "items", "keys", "values", "index", "count", "copy"];
/// Methods that change it.
const CHANGE: [&str; 13] = [
    "append",
    "extend",
    "insert",
    "remove",
    "clear",
    "pop",
    "popitem",
    "sort",
    "reverse",
    "update",
    "setdefault",
    "add",
    "discard",
];

/// What the tree does with what a name of a module holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reads {
    /// It is read only, wherever the name stands.
    Only,
    /// It goes on to where it is not followed.
    HandsOn,
    /// It is changed, or the name is given something else, while code runs.
    Changes,
}

impl Code {
    /// What the functions of the tree do with what a name of a module holds.
    pub(crate) fn reads(&self, name: &str) -> Reads {
        if name.is_empty() {
            return Reads::HandsOn;
        }
        let tree = self.program.tree();
        let holds = |file: &&usize| tree.bytes(**file).windows(name.len()).any(|window| window == name.as_bytes());
        let of_file = |file: &usize| match tree.syntax(*file).as_ref() {
            Ok(module) => Looked { name, inside: false }.body(&module.body),
            Err(_) => Reads::HandsOn,
        };
        self.files.values().filter(holds).map(of_file).max().unwrap_or(Reads::Only)
    }
}

/// A name that is looked for.
#[derive(Clone, Copy)]
struct Looked<'n> {
    name: &'n str,
    /// Within a function: what a module does while it is loaded is done.
    inside: bool,
}

impl Looked<'_> {
    fn body(self, body: &[Stmt]) -> Reads {
        body.iter().map(|stmt| self.stmt(stmt)).max().unwrap_or(Reads::Only)
    }

    fn stmt(self, stmt: &Stmt) -> Reads {
        let changed = if self.inside { Reads::Changes } else { Reads::Only };
        let found = match &stmt.kind {
            StmtKind::Assign { targets, value } => {
                let unpacks =
                    targets.iter().all(|target| matches!(target.kind, ExprKind::Tuple(_) | ExprKind::List(_)));
                let read = if unpacks { self.look(value) } else { self.expr(value) };
                targets.iter().map(|target| self.target(target)).max().unwrap_or(Reads::Only).max(read)
            }
            StmtKind::Annotated { target, value, .. } => {
                value.as_ref().map_or(Reads::Only, |value| self.expr(value)).max(self.target(target))
            }
            StmtKind::Augmented { target, value, .. } => {
                let own = if self.is_it(target) { changed } else { self.target(target) };
                own.max(self.look(value))
            }
            StmtKind::Delete(targets) => targets.iter().map(|target| self.target(target)).max().unwrap_or(Reads::Only),
            StmtKind::For(repeated) => self.look(&repeated.iter),
            StmtKind::Expr(value) | StmtKind::Return(Some(value)) | StmtKind::Raise(Some(value)) => self.expr(value),
            StmtKind::If { arms, .. } => arms.iter().map(|(test, _)| self.look(test)).max().unwrap_or(Reads::Only),
            StmtKind::While { test, .. } => self.look(test),
            StmtKind::With(with) => {
                with.items.iter().map(|(context, _)| self.expr(context)).max().unwrap_or(Reads::Only)
            }
            StmtKind::Assert(parts) => parts.iter().map(|part| self.look(part)).max().unwrap_or(Reads::Only),
            StmtKind::Match { subject, .. } => self.look(subject),
            StmtKind::Global(names) if names.iter().any(|global| &**global == self.name) => Reads::Changes,
            StmtKind::Function { def, decorators } => {
                let defaults = def.parameters.iter().filter_map(|parameter| parameter.default.as_ref());
                defaults.chain(decorators).map(|expr| self.expr(expr)).max().unwrap_or(Reads::Only)
            }
            _ => Reads::Only,
        };
        let below = Self { inside: self.inside || matches!(stmt.kind, StmtKind::Function { .. }), ..self };
        let mut found = found;
        bodies(&stmt.kind, &mut |body| found = found.max(below.body(body)));
        found
    }

    /// What is assigned to, or deleted.
    fn target(self, target: &Expr) -> Reads {
        let changed = if self.inside { Reads::Changes } else { Reads::Only };
        match &target.kind {
            // A name of the function's own, unless it says `global`.
            ExprKind::Name(_) => Reads::Only,
            ExprKind::Attribute(object, _) if self.is_it(target) => changed.max(self.look(object)),
            ExprKind::Attribute(object, _) => self.look(object),
            ExprKind::Subscript(object, index) => {
                let own = if self.is_it(object) { changed } else { self.target(object) };
                own.max(self.look(index))
            }
            ExprKind::Tuple(items) | ExprKind::List(items) => {
                items.iter().map(|item| self.target(item)).max().unwrap_or(Reads::Only)
            }
            ExprKind::Starred(inner) => self.target(inner),
            _ => self.expr(target),
        }
    }

    /// Whether it is the name, alone or as that of a member.
    fn is_it(self, expr: &Expr) -> bool {
        matches!(&expr.kind, ExprKind::Name(own) | ExprKind::Attribute(_, own) if &**own == self.name)
    }

    /// An expression whose value is read where it stands.
    fn look(self, expr: &Expr) -> Reads {
        match &expr.kind {
            _ if self.is_it(expr) => Reads::Only,
            ExprKind::And(parts) | ExprKind::Or(parts) => {
                parts.iter().map(|part| self.look(part)).max().unwrap_or(Reads::Only)
            }
            ExprKind::Unary(_, value) => self.look(value),
            _ => self.expr(expr),
        }
    }

    fn expr(self, expr: &Expr) -> Reads {
        match &expr.kind {
            _ if self.is_it(expr) => Reads::HandsOn,
            ExprKind::Attribute(object, _) => self.look(object),
            ExprKind::Subscript(object, index) => self.look(object).max(self.look(index)),
            ExprKind::Binary(first, rest) => {
                rest.iter().map(|(_, value)| self.look(value)).max().unwrap_or(Reads::Only).max(self.look(first))
            }
            ExprKind::Compare(first, rest) => {
                rest.iter().map(|(_, value)| self.look(value)).max().unwrap_or(Reads::Only).max(self.look(first))
            }
            ExprKind::Call(callee, args) => self.call(callee, args),
            ExprKind::Comprehension(all) => {
                let of_clause = |clause: &Clause| match clause {
                    Clause::For(_, iter) => self.look(iter),
                    Clause::If(test) => self.look(test),
                };
                let made =
                    self.expr(&all.element).max(all.value.as_ref().map_or(Reads::Only, |value| self.expr(value)));
                all.clauses.iter().map(of_clause).max().unwrap_or(Reads::Only).max(made)
            }
            ExprKind::Starred(value) | ExprKind::Unary(_, value) => self.look(value),
            ExprKind::Dict(pairs) => {
                let of_pair = |(key, value): &(Option<Expr>, Expr)| match key {
                    Some(key) => self.look(key).max(self.expr(value)),
                    None => self.look(value),
                };
                pairs.iter().map(of_pair).max().unwrap_or(Reads::Only)
            }
            ExprKind::Lambda(def) => Self { inside: true, ..self }.body(&def.body),
            _ => {
                let mut found = Reads::Only;
                children(expr, &mut |child| found = found.max(self.expr(child)));
                found
            }
        }
    }

    fn call(self, callee: &Expr, args: &[Arg]) -> Reads {
        let own = match &callee.kind {
            ExprKind::Attribute(object, method) if self.is_it(object) => {
                if READ.contains(&&**method) || !CHANGE.contains(&&**method) {
                    Reads::Only
                } else if self.inside {
                    Reads::Changes
                } else {
                    Reads::Only
                }
            }
            ExprKind::Name(_) => Reads::Only,
            _ => self.expr(callee),
        };
        let looks = match &callee.kind {
            ExprKind::Name(called) => LOOK.contains(&&**called),
            ExprKind::Attribute(_, method) => matches!(&**method, "join" | "index" | "count" | "dumps" | "format"),
            _ => false,
        };
        let given = |arg: &Arg| match arg {
            Arg::Star(value) | Arg::DoubleStar(value) => self.look(value),
            Arg::Positional(value) | Arg::Keyword(_, value) if looks => self.look(value),
            Arg::Positional(value) | Arg::Keyword(_, value) => self.expr(value),
        };
        args.iter().map(given).max().unwrap_or(Reads::Only).max(own)
    }
}
