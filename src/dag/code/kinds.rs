//! Values of the tree whose kind the text holds, met by code that is written for another kind: what is no
//! function and is called, what `with` cannot enter, a tuple with names that has more or fewer fields.

use super::walk::Walk;
use crate::content::Span;
use crate::python::program::{ClassRef, Target};
use crate::python::syntax::{Arg, Clause, Expr, ExprKind, FormatPart, UnaryOp};

/// Built-in functions that iterate what they are given.
const ITERATE: [&str; 14] =
    ["next", "iter", "list", "tuple", "set", "dict", "sorted", "sum", "min", "max", "any", "all", "enumerate", "len"];

impl Walk<'_> {
    /// Whether the sides of `a, b = value` are not equally many.
    pub(super) fn unpacks(&mut self, target: &Expr, value: &Expr) {
        let (ExprKind::Tuple(names) | ExprKind::List(names)) = &target.kind else { return };
        let Some((class, fields)) = self.fields(value) else { return };
        let starred = names.iter().any(|name| matches!(name.kind, ExprKind::Starred(_)));
        let asked = names.len() - usize::from(starred);
        if asked != fields && !(starred && fields > asked) {
            let why = format!("`{}` has {fields} fields, and {asked} are unpacked", class.def.name);
            self.fault("ValueError", &why, target.span, None, false);
        }
    }

    /// The class of a tuple with names, and how many it has.
    fn fields(&self, value: &Expr) -> Option<(ClassRef, usize)> {
        let Target::Instance(class) = self.target(value) else { return None };
        let fields = self.code.program.tuple_fields(&class)?.len();
        self.code.program.lacks_special(&class, "__iter__").then_some((class, fields))
    }

    /// What is called is no function.
    pub(super) fn not_callable(&mut self, callee: &Expr) {
        let kind = match self.target(callee) {
            Target::Plain(kind) => kind,
            Target::Text(_) => "str",
            _ => return,
        };
        let shown = crate::python::canonical::expression(callee);
        self.fault("TypeError", &format!("`{shown}` is `{kind}`, and is called"), callee.span, None, false);
    }

    /// What stands behind `with` and cannot be entered.
    pub(super) fn no_manager(&mut self, context: &Expr) {
        let program = &self.code.program;
        let shown = crate::python::canonical::expression(context);
        let why = match self.target(context) {
            Target::Plain(kind) if !is_manager(kind) => format!("`{shown}` gives `{kind}`, which `with` cannot enter"),
            Target::Text(_) => format!("`{shown}` is a text, which `with` cannot enter"),
            Target::Function(_) => format!("`{shown}` is a function, which `with` cannot enter"),
            Target::Instance(class) if program.lacks_special(&class, "__aenter__") => {
                let lacks = |name: &&str| program.lacks_special(&class, name);
                let Some(name) = ["__enter__", "__exit__"].into_iter().find(lacks) else { return };
                format!("`{}` has no `{name}`, which `with` asks for", class.def.name)
            }
            _ => return,
        };
        self.fault("TypeError", &why, context.span, None, false);
    }

    /// What only `with` can use, and is used otherwise.
    pub(super) fn only_entered(&mut self, value: &Expr, how: &str) {
        if matches!(self.target(value), Target::Plain(kind) if is_manager(kind)) {
            let shown = crate::python::canonical::expression(value);
            let why = format!("`{shown}` gives a context manager, which {how}");
            self.fault("TypeError", &why, value.span, None, false);
        }
    }

    /// What a call that stands for itself makes, and nobody enters.
    pub(super) fn never_entered(&mut self, value: &Expr) {
        let known = self.seen.faults.len();
        self.only_entered(value, "nobody enters");
        if let Some(fault) = self.seen.faults.get_mut(known) {
            fault.goes_on = true;
        }
    }

    /// Values of another kind than the expression is written for.
    pub(super) fn of_kind(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Comprehension(all) => {
                for clause in &all.clauses {
                    if let Clause::For(_, iter) = clause {
                        self.only_entered(iter, "is iterated");
                    }
                }
            }
            ExprKind::Subscript(object, index) => {
                self.only_entered(object, "is looked into");
                self.indexes(object, index, expr.span);
            }
            ExprKind::Binary(first, rest) => {
                for value in std::iter::once(&**first).chain(rest.iter().map(|(_, value)| value)) {
                    self.only_entered(value, "is calculated with");
                }
            }
            ExprKind::Call(callee, args) => {
                let iterates = matches!(self.target(callee), Target::Outside(path)
                    if path.strip_prefix("builtins.").is_some_and(|name| ITERATE.contains(&name)));
                if let (true, [Arg::Positional(value), ..]) = (iterates, &**args) {
                    self.only_entered(value, "is iterated");
                }
                self.of_call(callee, args);
            }
            ExprKind::Await(value) => self.no_coroutine(value),
            ExprKind::Format(parts) => {
                for part in parts {
                    if let FormatPart::Value { value, conversion: None, debug: None, .. } = part {
                        self.uncalled_function(value);
                    }
                }
            }
            _ => {}
        }
    }

    /// `asyncio.run(…)` of what is no coroutine, and `getattr(…)` of what is not there.
    fn of_call(&mut self, callee: &Expr, args: &[Arg]) {
        match (self.target(callee), args) {
            (Target::Outside(path), [Arg::Positional(value), ..]) if &*path == "asyncio.run" => {
                self.no_coroutine(value);
            }
            (Target::Outside(path), [Arg::Positional(object), Arg::Positional(name)])
                if &*path == "builtins.getattr" =>
            {
                let of = self.target(object);
                if let (ExprKind::Str(name), Target::Module(_) | Target::Class(_)) = (&name.kind, &of)
                    && let Target::Missing(class, why) = self.code.program.attribute(&of, name, self.function.file)
                {
                    self.fault(class, &why, object.span, None, true);
                }
            }
            _ => {}
        }
    }

    /// What is awaited and cannot be.
    fn no_coroutine(&mut self, value: &Expr) {
        if let Target::Plain(kind) = self.target(value) {
            let shown = crate::python::canonical::expression(value);
            self.fault("TypeError", &format!("`{shown}` gives `{kind}`, and is awaited"), value.span, None, false);
        }
    }

    /// A field by its place, which is not there.
    fn indexes(&mut self, object: &Expr, index: &Expr, span: Span) {
        let place = match &index.kind {
            ExprKind::Int(place) => usize::try_from(*place).ok(),
            ExprKind::Unary(UnaryOp::Minus, inner) => match inner.kind {
                ExprKind::Int(place) => usize::try_from(place - 1).ok(),
                _ => None,
            },
            _ => None,
        };
        if let (Some(place), Some((class, fields))) = (place, self.fields(object))
            && place >= fields
        {
            let why = format!("`{}` has {fields} fields, and one behind them is read", class.def.name);
            self.fault("IndexError", &why, span, None, false);
        }
    }

    /// A function of the tree that is put into a text as it is.
    fn uncalled_function(&mut self, value: &Expr) {
        let Target::Function(function) = self.target(value) else { return };
        if !function.decorators.is_empty() || function.def.name.is_empty() {
            return;
        }
        let known = self.seen.faults.len();
        let why = format!("`{}` is a function, and is put into a text as it is", function.def.name);
        self.fault("TypeError", &why, value.span, None, false);
        if let Some(fault) = self.seen.faults.get_mut(known) {
            (fault.message, fault.goes_on) = (why, true);
        }
    }
}

fn is_manager(kind: &str) -> bool {
    kind == "context manager"
}
