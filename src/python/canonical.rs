//! Syntax as text that is equal exactly when the code is: no comments, docstrings, formatting or
//! quotes are in it.

use super::syntax::{
    Arg, Clause, ComprehensionKind, Expr, ExprKind, FormatPart, Function, Pattern, Stmt, StmtKind, without_docstring,
};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A whole file. In a row of imports of installed modules the order does not count: what such a
/// module does when it is imported, it does to itself. `installed` says which first names of a dotted
/// module are such.
pub(crate) fn module(module: &super::syntax::Module, installed: &dyn Fn(&str) -> bool) -> String {
    let mut writer = Writer { out: String::new(), annotations: true };
    writer.put("{");
    let mut rest = without_docstring(&module.body);
    while let [first, ..] = rest {
        let row = rest.iter().take_while(|stmt| is_of_installed(&stmt.kind, installed)).count();
        let (now, later) = rest.split_at(row.max(1));
        if row > 1 {
            writer.put(&sorted(now));
        } else {
            writer.stmt(&first.kind);
            writer.put(";");
        }
        rest = later;
    }
    writer.put("}");
    writer.out
}

/// Whether the statement imports nothing but names of installed modules.
fn is_of_installed(stmt: &StmtKind, installed: &dyn Fn(&str) -> bool) -> bool {
    let root = |module: &str| installed(module.split('.').next().unwrap_or(module));
    match stmt {
        StmtKind::Import(names) => names.iter().all(|(name, _)| root(name)),
        StmtKind::ImportFrom { level: 0, module, star: false, .. } => &**module != "__future__" && root(module),
        _ => false,
    }
}

/// A row of imports in one order, unless one of them takes a name that another binds.
fn sorted(row: &[Stmt]) -> String {
    let mut bound = BTreeSet::new();
    let mut twice = false;
    let mut texts = Vec::with_capacity(row.len());
    for stmt in row {
        let names: Vec<&str> = match &stmt.kind {
            // `import a.b` and `import a.c` both bind `a`, to the same.
            StmtKind::Import(names) => names.iter().filter_map(|(_, alias)| alias.as_deref()).collect(),
            StmtKind::ImportFrom { names, .. } => {
                names.iter().map(|(name, alias, _)| alias.as_deref().unwrap_or(name)).collect()
            }
            _ => Vec::new(),
        };
        twice |= names.into_iter().any(|name| !bound.insert(name));
        let mut writer = Writer { out: String::new(), annotations: true };
        writer.stmt(&stmt.kind);
        writer.put(";");
        texts.push(writer.out);
    }
    let whole = |name: &StmtKind| match name {
        StmtKind::Import(names) => {
            names.iter().all(|(name, alias)| alias.is_some() || !bound.contains(name.split('.').next().unwrap_or(name)))
        }
        _ => true,
    };
    if !twice && row.iter().all(|stmt| whole(&stmt.kind)) {
        texts.sort();
    }
    texts.concat()
}

/// What a function does: its parameters with their defaults, and its body; without its name
/// and annotations.
pub(crate) fn function(function: &Function) -> String {
    function_doing(function, function)
}

/// A function that does what another one does: the parameters of the one, the body of the other.
pub(crate) fn function_doing(function: &Function, other: &Function) -> String {
    /// More than most take.
    const ROOM: usize = 1 << 10;
    let mut writer = Writer { out: String::with_capacity(ROOM), annotations: false };
    if other.is_async {
        writer.put("async ");
    }
    writer.parameters(function);
    writer.body(without_docstring(&other.body));
    writer.out
}

/// One expression.
pub(crate) fn expression(expr: &Expr) -> String {
    let mut writer = Writer { out: String::new(), annotations: true };
    writer.expr(expr);
    writer.out
}

struct Writer {
    out: String,
    annotations: bool,
}

impl Writer {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn body(&mut self, body: &[Stmt]) {
        self.put("{");
        for stmt in body {
            self.stmt(&stmt.kind);
            self.put(";");
        }
        self.put("}");
    }

    fn exprs(&mut self, exprs: &[Expr]) {
        for expr in exprs {
            self.expr(expr);
            self.put(",");
        }
    }

    fn optional(&mut self, expr: Option<&Expr>) {
        match expr {
            Some(expr) => self.expr(expr),
            None => self.put("~"),
        }
    }

    fn stmt(&mut self, stmt: &StmtKind) {
        match stmt {
            StmtKind::Expr(value) => self.expr(value),
            StmtKind::Assign { targets, value } => {
                self.put("set ");
                self.exprs(targets);
                self.expr(value);
            }
            StmtKind::Annotated { target, annotation, value } => {
                self.put("set ");
                self.expr(target);
                if self.annotations {
                    self.put(":");
                    self.expr(annotation);
                }
                self.put(",");
                self.optional(value.as_ref());
            }
            StmtKind::Augmented { target, op, value } => {
                let _ = write!(self.out, "change {op:?} ");
                self.expr(target);
                self.put(",");
                self.expr(value);
            }
            StmtKind::Return(value) => {
                self.put("return ");
                self.optional(value.as_ref());
            }
            StmtKind::Raise(value) => {
                self.put("raise ");
                self.optional(value.as_ref());
            }
            StmtKind::Delete(targets) => {
                self.put("del ");
                self.exprs(targets);
            }
            StmtKind::Assert(parts) => {
                self.put("assert ");
                self.exprs(parts);
            }
            StmtKind::Import(names) => {
                let _ = write!(self.out, "import {names:?}");
            }
            StmtKind::ImportFrom { level, module, names, star } => {
                let _ = write!(self.out, "from {level} {module} {star}");
                for (name, alias, _) in names {
                    let _ = write!(self.out, " {name} {alias:?}");
                }
            }
            StmtKind::Global(names) => {
                let _ = write!(self.out, "global {names:?}");
            }
            StmtKind::Nonlocal(names) => {
                let _ = write!(self.out, "nonlocal {names:?}");
            }
            StmtKind::Pass => {}
            StmtKind::Break => self.put("break"),
            StmtKind::Continue => self.put("continue"),
            StmtKind::TypeAlias(name, value) => {
                self.put("type ");
                self.expr(name);
                self.expr(value);
            }
            _ => self.compound(stmt),
        }
    }

    fn compound(&mut self, stmt: &StmtKind) {
        match stmt {
            StmtKind::If { arms, orelse } => {
                for (test, body) in arms {
                    self.put("if ");
                    self.expr(test);
                    self.body(body);
                }
                self.body(orelse);
            }
            StmtKind::For(repeated) => {
                self.put("for ");
                self.expr(&repeated.target);
                self.put(" in ");
                self.expr(&repeated.iter);
                self.body(&repeated.body);
                self.body(&repeated.orelse);
            }
            StmtKind::While { test, body, orelse } => {
                self.put("while ");
                self.expr(test);
                self.body(body);
                self.body(orelse);
            }
            StmtKind::Try { body, handlers, orelse, finally } => {
                self.put("try");
                self.body(body);
                for handler in handlers {
                    self.put("except ");
                    self.optional(handler.kind.as_ref());
                    let _ = write!(self.out, " {:?}", handler.name);
                    self.body(&handler.body);
                }
                self.body(orelse);
                self.body(finally);
            }
            StmtKind::With(with) => {
                self.put("with ");
                for (value, target) in &with.items {
                    self.expr(value);
                    self.put(" as ");
                    self.optional(target.as_ref());
                    self.put(",");
                }
                self.body(&with.body);
            }
            StmtKind::Function { def, decorators } => {
                self.exprs(decorators);
                self.put(if def.is_async { "async def " } else { "def " });
                self.put(&def.name);
                self.parameters(def);
                self.body(without_docstring(&def.body));
            }
            StmtKind::Class { def, decorators } => {
                self.exprs(decorators);
                self.put("class ");
                self.put(&def.name);
                self.args(&def.arguments);
                self.body(without_docstring(&def.body));
            }
            StmtKind::Match { subject, cases } => {
                self.put("match ");
                self.expr(subject);
                for case in cases {
                    self.put("case ");
                    self.pattern(&case.pattern);
                    self.optional(case.guard.as_ref());
                    self.body(&case.body);
                }
            }
            _ => {}
        }
    }

    fn pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::Any => self.put("_"),
            Pattern::Capture(name) => {
                let _ = write!(self.out, "?{name}");
            }
            Pattern::Value(value) => self.expr(value),
            Pattern::Or(parts) | Pattern::Sequence(parts) => {
                self.put(if matches!(pattern, Pattern::Or(_)) { "or(" } else { "seq(" });
                for part in parts {
                    self.pattern(part);
                    self.put(",");
                }
                self.put(")");
            }
            Pattern::As(inner, name) => {
                self.pattern(inner);
                let _ = write!(self.out, " as {name}");
            }
            Pattern::Star(name) => {
                let _ = write!(self.out, "*{}", name.as_deref().unwrap_or("_"));
            }
            Pattern::Mapping(pairs, rest) => {
                self.put("map(");
                for (key, pattern) in pairs {
                    self.expr(key);
                    self.put(":");
                    self.pattern(pattern);
                    self.put(",");
                }
                let _ = write!(self.out, "**{})", rest.as_deref().unwrap_or_default());
            }
            Pattern::Class(class, positional, keywords) => {
                self.put("class(");
                self.expr(class);
                for pattern in positional {
                    self.put(",");
                    self.pattern(pattern);
                }
                for (name, pattern) in keywords {
                    let _ = write!(self.out, ",{name}=");
                    self.pattern(pattern);
                }
                self.put(")");
            }
            Pattern::Other(text) => {
                let _ = write!(self.out, "{text:?}");
            }
        }
    }

    fn parameters(&mut self, function: &Function) {
        self.put("(");
        for parameter in &function.parameters {
            let _ = write!(self.out, "{:?} {}", parameter.kind, parameter.name);
            if let (true, Some(annotation)) = (self.annotations, &parameter.annotation) {
                self.put(":");
                self.expr(annotation);
            }
            if let Some(default) = &parameter.default {
                self.put("=");
                self.expr(default);
            }
            self.put(",");
        }
        self.put(")");
        if let (true, Some(returns)) = (self.annotations, &function.returns) {
            self.put("->");
            self.expr(returns);
        }
    }

    fn args(&mut self, args: &[Arg]) {
        self.put("(");
        for arg in args {
            match arg {
                Arg::Positional(value) => self.expr(value),
                Arg::Keyword(name, value) => {
                    self.put(name);
                    self.put("=");
                    self.expr(value);
                }
                Arg::Star(value) => {
                    self.put("*");
                    self.expr(value);
                }
                Arg::DoubleStar(value) => {
                    self.put("**");
                    self.expr(value);
                }
            }
            self.put(",");
        }
        self.put(")");
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::None => self.put("None"),
            ExprKind::True => self.put("True"),
            ExprKind::False => self.put("False"),
            ExprKind::Ellipsis => self.put("..."),
            ExprKind::Int(value) => {
                let _ = write!(self.out, "{value}");
            }
            ExprKind::Float(value) => {
                let _ = write!(self.out, "{value:?}");
            }
            ExprKind::Number(text) | ExprKind::Name(text) | ExprKind::Other(text) => self.put(text),
            ExprKind::Str(text) => {
                let _ = write!(self.out, "{text:?}");
            }
            ExprKind::Bytes(bytes) => {
                let _ = write!(self.out, "b{:?}", String::from_utf8_lossy(bytes));
            }
            ExprKind::Format(parts) => self.format(parts),
            ExprKind::Attribute(object, name) => {
                self.expr(object);
                self.put(".");
                self.put(name);
            }
            ExprKind::Subscript(object, index) => {
                self.expr(object);
                self.put("[");
                self.expr(index);
                self.put("]");
            }
            ExprKind::Slice(parts) => {
                for part in parts {
                    self.optional(part.as_deref());
                    self.put(":");
                }
            }
            ExprKind::Call(function, args) => {
                self.expr(function);
                self.args(args);
            }
            ExprKind::List(items) => self.items("[", items, "]"),
            ExprKind::Tuple(items) => self.items("(", items, ")"),
            ExprKind::Set(items) => self.items("set(", items, ")"),
            ExprKind::Dict(pairs) => {
                self.put("{");
                for (key, value) in pairs {
                    match key {
                        Some(key) => self.expr(key),
                        None => self.put("**"),
                    }
                    self.put(":");
                    self.expr(value);
                    self.put(",");
                }
                self.put("}");
            }
            _ => self.operation(&expr.kind),
        }
    }

    fn items(&mut self, open: &str, items: &[Expr], close: &str) {
        self.put(open);
        self.exprs(items);
        self.put(close);
    }

    fn operation(&mut self, kind: &ExprKind) {
        self.put("(");
        match kind {
            ExprKind::Unary(op, value) => {
                let _ = write!(self.out, "{op:?} ");
                self.expr(value);
            }
            ExprKind::Binary(first, rest) => {
                self.expr(first);
                for (op, value) in rest {
                    let _ = write!(self.out, " {op:?} ");
                    self.expr(value);
                }
            }
            ExprKind::And(parts) => self.items("and ", parts, ""),
            ExprKind::Or(parts) => self.items("or ", parts, ""),
            ExprKind::Compare(first, rest) => {
                self.expr(first);
                for (op, value) in rest {
                    let _ = write!(self.out, " {op:?} ");
                    self.expr(value);
                }
            }
            ExprKind::Conditional { test, then, orelse } => {
                self.put("if ");
                self.expr(test);
                self.put(" then ");
                self.expr(then);
                self.put(" else ");
                self.expr(orelse);
            }
            ExprKind::Lambda(function) => {
                self.put("lambda ");
                self.parameters(function);
                self.body(&function.body);
            }
            ExprKind::Starred(value) => {
                self.put("*");
                self.expr(value);
            }
            ExprKind::Comprehension(all) => {
                self.comprehension(all.kind, &all.element, all.value.as_ref(), &all.clauses);
            }
            ExprKind::Named(name, value) => {
                self.put(name);
                self.put(":=");
                self.expr(value);
            }
            ExprKind::Await(value) => {
                self.put("await ");
                self.expr(value);
            }
            ExprKind::Yield(value) => {
                self.put("yield ");
                self.optional(value.as_deref());
            }
            ExprKind::YieldFrom(value) => {
                self.put("yield from ");
                self.expr(value);
            }
            _ => {}
        }
        self.put(")");
    }

    fn comprehension(&mut self, kind: ComprehensionKind, element: &Expr, value: Option<&Expr>, clauses: &[Clause]) {
        let _ = write!(self.out, "{kind:?} ");
        self.expr(element);
        self.put(":");
        self.optional(value);
        for clause in clauses {
            match clause {
                Clause::For(target, iter) => {
                    self.put(" for ");
                    self.expr(target);
                    self.put(" in ");
                    self.expr(iter);
                }
                Clause::If(test) => {
                    self.put(" if ");
                    self.expr(test);
                }
            }
        }
    }

    fn format(&mut self, parts: &[FormatPart]) {
        self.put("f(");
        for part in parts {
            match part {
                FormatPart::Text(text) => {
                    let _ = write!(self.out, "{text:?}");
                }
                FormatPart::Value { value, conversion, spec, debug } => {
                    self.put("{");
                    if let Some(text) = debug {
                        let _ = write!(self.out, "{text:?}=");
                    }
                    self.expr(value);
                    let _ = write!(self.out, "!{conversion:?}");
                    self.format(spec);
                    self.put("}");
                }
            }
        }
        self.put(")");
    }
}
