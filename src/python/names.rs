//! What the names of a module, class or function stand for, read off its text without running it.
//!
//! Invariants: a binding that says what a name is holds in every run of that text. What is bound
//! twice, or under a condition, is [`Binding::Several`]: the name is there, and no more is said.

mod fields;

use super::syntax::{
    Arg, Clause, ComprehensionKind, Expr, ExprKind, FormatPart, Function, Name, Pattern, Stmt, StmtKind,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What a name stands for.
#[derive(Clone, Debug)]
pub(crate) enum Binding {
    /// A function, with its decorators as dotted names; one that is no such name is empty.
    Function(Rc<Function>, Rc<[Name]>),
    /// A class, likewise.
    Class(Rc<super::syntax::Class>, Rc<[Name]>),
    /// `import a.b as name`: that module. `import a.b` binds `a`.
    Import(Name),
    /// `from module import name`.
    From { level: usize, module: Name, name: Name },
    /// The result of calling that dotted name.
    Made(Rc<[Name]>),
    /// What `with` of the result of calling that dotted name binds.
    Entered(Rc<[Name]>),
    /// Another name for that dotted name.
    Alias(Rc<[Name]>),
    /// A literal text.
    Text(Name),
    /// Another literal, by the name of its type.
    Plain(&'static str),
    /// Some value.
    Value,
    /// One of several things, or perhaps nothing at all.
    Several,
}

/// The names of one scope.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) bound: BTreeMap<Name, Binding>,
    /// `from … import *`: level and module.
    pub(crate) stars: Vec<(usize, Name)>,
    /// Whether names may be there that are not seen.
    pub(crate) open: bool,
    /// Names of a function that are the module's, or of a function around it.
    pub(crate) outer: BTreeSet<Name>,
}

impl Names {
    /// Those of a module or class.
    pub(crate) fn of_body(body: &[Stmt]) -> Self {
        let mut reader = Reader { names: Self::default(), conditions: 0, functions: false };
        reader.body(body);
        reader.names
    }

    /// Those of a module, with what its functions make of it (`global`).
    pub(crate) fn of_module(body: &[Stmt]) -> Self {
        let mut reader = Reader { names: Self::default(), conditions: 0, functions: true };
        reader.body(body);
        reader.names
    }

    /// Those of a function: its parameters, and what its body binds.
    pub(crate) fn of_function(function: &Function) -> Self {
        let mut reader = Reader { names: Self::default(), conditions: 0, functions: false };
        for parameter in &function.parameters {
            reader.names.bound.insert(parameter.name.clone(), Binding::Value);
        }
        reader.body(&function.body);
        let outer = std::mem::take(&mut reader.names.outer);
        reader.names.bound.retain(|name, _| !outer.contains(name));
        reader.names.outer = outer;
        reader.names
    }
}

/// The parts of `a.b.c`; none for anything else.
pub(crate) fn dotted(expr: &Expr) -> Option<Vec<Name>> {
    let mut parts = Vec::new();
    let mut next = expr;
    loop {
        match &next.kind {
            ExprKind::Attribute(object, name) => {
                parts.push(name.clone());
                next = object;
            }
            ExprKind::Name(name) => {
                parts.push(name.clone());
                parts.reverse();
                return Some(parts);
            }
            _ => return None,
        }
    }
}

/// The dotted name behind a decorator, called or not; empty for anything else.
fn decorator(expr: &Expr) -> Name {
    let callee = match &expr.kind {
        ExprKind::Call(callee, _) => callee,
        _ => expr,
    };
    dotted(callee).map_or_else(|| "".into(), |parts| parts.join(".").into())
}

struct Reader {
    names: Names,
    /// How many conditions stand around the current statement.
    conditions: usize,
    /// Whether `global` of functions counts.
    functions: bool,
}

impl Reader {
    fn bind(&mut self, name: &Name, binding: Binding) {
        let binding =
            if self.conditions > 0 || self.names.bound.contains_key(name) { Binding::Several } else { binding };
        self.names.bound.insert(name.clone(), binding);
    }

    /// Binds under a condition: the body may run, once or often.
    fn conditional(&mut self, body: &[Stmt]) {
        self.conditions += 1;
        self.body(body);
        self.conditions -= 1;
    }

    fn body(&mut self, body: &[Stmt]) {
        for stmt in body {
            self.stmt(&stmt.kind);
        }
    }

    fn stmt(&mut self, stmt: &StmtKind) {
        match stmt {
            StmtKind::Assign { targets, value } => {
                self.expr(value);
                for target in targets {
                    match &target.kind {
                        ExprKind::Name(name) => self.bind(name, of_value(name, value)),
                        _ => self.target(target),
                    }
                }
            }
            StmtKind::Annotated { target, value, .. } => match (&target.kind, value) {
                (ExprKind::Name(name), Some(value)) => {
                    self.expr(value);
                    self.bind(name, of_value(name, value));
                }
                // Without a value nothing is bound; a class's fields are read for themselves.
                (_, None) => {}
                (_, Some(_)) => self.target(target),
            },
            StmtKind::Augmented { target, value, .. } => {
                self.expr(value);
                self.target(target);
            }
            StmtKind::Function { def, decorators } => {
                let decorators = decorators.iter().map(decorator).collect();
                self.bind(&def.name, Binding::Function(def.clone(), decorators));
                if self.functions {
                    globals(&def.body, &mut |name| {
                        self.names.bound.insert(name.clone(), Binding::Several);
                    });
                }
            }
            StmtKind::Class { def, decorators } => {
                let decorators = decorators.iter().map(decorator).collect();
                self.bind(&def.name, Binding::Class(def.clone(), decorators));
                if self.functions {
                    globals(&def.body, &mut |name| {
                        self.names.bound.insert(name.clone(), Binding::Several);
                    });
                }
            }
            StmtKind::Import(names) => {
                for (dotted, alias) in names {
                    if let Some(alias) = alias {
                        self.bind(alias, Binding::Import(dotted.clone()));
                        continue;
                    }
                    let top: Name = dotted.split('.').next().unwrap_or(dotted).into();
                    // `import a.b` and `import a.c` bind the same.
                    if !matches!(self.names.bound.get(&top), Some(Binding::Import(known)) if *known == top) {
                        self.bind(&top, Binding::Import(top.clone()));
                    }
                }
            }
            StmtKind::ImportFrom { level, module, names, star } => {
                if *star {
                    self.names.stars.push((*level, module.clone()));
                }
                for (name, alias, _) in names {
                    let binding = Binding::From { level: *level, module: module.clone(), name: name.clone() };
                    self.bind(alias.as_ref().unwrap_or(name), binding);
                }
            }
            StmtKind::Global(names) | StmtKind::Nonlocal(names) => self.names.outer.extend(names.iter().cloned()),
            StmtKind::Delete(targets) => targets.iter().for_each(|target| {
                if let ExprKind::Name(name) = &target.kind {
                    self.names.bound.insert(name.clone(), Binding::Several);
                }
            }),
            StmtKind::TypeAlias(target, _) => self.target(target),
            StmtKind::Expr(value) | StmtKind::Return(Some(value)) | StmtKind::Raise(Some(value)) => self.expr(value),
            StmtKind::Assert(parts) => parts.iter().for_each(|part| self.expr(part)),
            StmtKind::Pass | StmtKind::Break | StmtKind::Continue | StmtKind::Return(None) | StmtKind::Raise(None) => {}
            compound => self.compound(compound),
        }
    }

    fn compound(&mut self, stmt: &StmtKind) {
        match stmt {
            StmtKind::If { arms, orelse } => {
                for (test, body) in arms {
                    self.expr(test);
                    self.conditional(body);
                }
                self.conditional(orelse);
            }
            StmtKind::For(repeated) => {
                self.expr(&repeated.iter);
                self.conditions += 1;
                self.target(&repeated.target);
                self.conditions -= 1;
                self.conditional(&repeated.body);
                self.conditional(&repeated.orelse);
            }
            StmtKind::While { test, body, orelse } => {
                self.expr(test);
                self.conditional(body);
                self.conditional(orelse);
            }
            StmtKind::Try { body, handlers, orelse, finally } => {
                self.conditional(body);
                for handler in handlers {
                    if let Some(name) = &handler.name {
                        self.names.bound.insert(name.clone(), Binding::Several);
                    }
                    self.conditional(&handler.body);
                }
                self.conditional(orelse);
                self.body(finally);
            }
            StmtKind::With(with) => {
                for (context, target) in &with.items {
                    self.expr(context);
                    match (target.as_ref().map(|target| &target.kind), &context.kind) {
                        (Some(ExprKind::Name(name)), ExprKind::Call(callee, _)) => {
                            let entered = dotted(callee).map(|parts| Binding::Entered(parts.into()));
                            self.bind(name, entered.unwrap_or(Binding::Value));
                        }
                        (Some(_), _) => target.iter().for_each(|target| self.target(target)),
                        (None, _) => {}
                    }
                }
                self.body(&with.body);
            }
            StmtKind::Match { subject, cases } => {
                self.expr(subject);
                for case in cases {
                    self.pattern(&case.pattern);
                    self.conditional(&case.body);
                }
            }
            _ => {}
        }
    }

    /// Whatever an assignment to that binds.
    fn target(&mut self, target: &Expr) {
        match &target.kind {
            ExprKind::Name(name) => self.bind(name, Binding::Value),
            ExprKind::Tuple(items) | ExprKind::List(items) => items.iter().for_each(|item| self.target(item)),
            ExprKind::Starred(inner) => self.target(inner),
            ExprKind::Attribute(object, _) => self.expr(object),
            ExprKind::Subscript(object, index) => {
                self.expr(object);
                self.expr(index);
            }
            _ => {}
        }
    }

    fn pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::Capture(name) | Pattern::Star(Some(name)) => {
                self.names.bound.insert(name.clone(), Binding::Several);
            }
            Pattern::Or(all) | Pattern::Sequence(all) => all.iter().for_each(|part| self.pattern(part)),
            Pattern::As(inner, name) => {
                self.pattern(inner);
                self.names.bound.insert(name.clone(), Binding::Several);
            }
            Pattern::Mapping(pairs, rest) => {
                for (_, part) in pairs {
                    self.pattern(part);
                }
                if let Some(rest) = rest {
                    self.names.bound.insert(rest.clone(), Binding::Several);
                }
            }
            Pattern::Class(_, positions, attributes) => {
                positions.iter().chain(attributes.iter().map(|(_, part)| part)).for_each(|part| self.pattern(part));
            }
            // A form that is not read may bind anything.
            Pattern::Other(_) => self.names.open = true,
            Pattern::Any | Pattern::Value(_) | Pattern::Star(None) => {}
        }
    }

    /// Names that an expression binds (`:=`, and the targets of comprehensions, which are taken for
    /// names of the scope around them), and calls by which names come about that are not seen.
    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Named(name, value) => {
                self.expr(value);
                self.names.bound.insert(name.clone(), Binding::Several);
            }
            ExprKind::Comprehension(all) => {
                for clause in &all.clauses {
                    match clause {
                        Clause::For(target, _) => {
                            self.conditions += 1;
                            self.target(target);
                            self.conditions -= 1;
                        }
                        Clause::If(_) => {}
                    }
                }
            }
            ExprKind::Call(callee, _) => {
                if let ExprKind::Name(name) = &callee.kind
                    && matches!(&**name, "exec" | "eval" | "globals" | "locals" | "vars" | "setattr" | "__import__")
                {
                    self.names.open = true;
                }
            }
            // `sys.modules[__name__] = …`
            ExprKind::Name(name) if &**name == "__name__" => {}
            _ => {}
        }
        children(expr, &mut |child| self.expr(child));
    }
}

fn of_value(name: &Name, value: &Expr) -> Binding {
    match &value.kind {
        ExprKind::Str(text) => Binding::Text(text.clone()),
        ExprKind::Lambda(def) => Binding::Function(def.clone(), Rc::from([])),
        ExprKind::Call(callee, args) => match dotted(callee) {
            Some(parts) => match fields::named_tuple(name, (callee, &parts), args) {
                Some(class) => Binding::Class(Rc::new(class), Rc::from([])),
                None => Binding::Made(parts.into()),
            },
            None => Binding::Value,
        },
        ExprKind::Name(_) | ExprKind::Attribute(..) => match dotted(value) {
            Some(parts) => Binding::Alias(parts.into()),
            None => Binding::Value,
        },
        _ => literal(value).map_or(Binding::Value, Binding::Plain),
    }
}

/// The type of a literal, or of what is made where it stands; none for `None`, which others may fill in later.
pub(crate) fn literal(value: &Expr) -> Option<&'static str> {
    Some(match &value.kind {
        ExprKind::Str(_) | ExprKind::Format(_) => "str",
        ExprKind::Bytes(_) => "bytes",
        ExprKind::Int(_) => "int",
        ExprKind::Float(_) => "float",
        ExprKind::True | ExprKind::False => "bool",
        ExprKind::List(_) => "list",
        ExprKind::Tuple(_) => "tuple",
        ExprKind::Dict(_) => "dict",
        ExprKind::Set(_) => "set",
        ExprKind::Comprehension(all) => match all.kind {
            ComprehensionKind::List => "list",
            ComprehensionKind::Dict => "dict",
            ComprehensionKind::Set => "set",
            ComprehensionKind::Generator => "generator",
        },
        _ => return None,
    })
}

/// The names that functions below these statements declare `global`.
fn globals(body: &[Stmt], found: &mut dyn FnMut(&Name)) {
    for stmt in body {
        if let StmtKind::Global(names) = &stmt.kind {
            names.iter().for_each(&mut *found);
        }
        bodies(&stmt.kind, &mut |body| globals(body, found));
    }
}

/// The blocks directly below a statement, those of functions and classes among them.
pub(crate) fn bodies(stmt: &StmtKind, visit: &mut dyn FnMut(&[Stmt])) {
    match stmt {
        StmtKind::If { arms, orelse } => {
            for (_, body) in arms {
                visit(body);
            }
            visit(orelse);
        }
        StmtKind::For(repeated) => {
            visit(&repeated.body);
            visit(&repeated.orelse);
        }
        StmtKind::While { body, orelse, .. } => {
            visit(body);
            visit(orelse);
        }
        StmtKind::Try { body, handlers, orelse, finally } => {
            visit(body);
            for handler in handlers {
                visit(&handler.body);
            }
            visit(orelse);
            visit(finally);
        }
        StmtKind::With(with) => visit(&with.body),
        StmtKind::Match { cases, .. } => cases.iter().for_each(|case| visit(&case.body)),
        StmtKind::Function { def, .. } => visit(&def.body),
        StmtKind::Class { def, .. } => visit(&def.body),
        _ => {}
    }
}

/// The expressions directly below an expression.
pub(crate) fn children(expr: &Expr, visit: &mut dyn FnMut(&Expr)) {
    match &expr.kind {
        ExprKind::Format(parts) => format_parts(parts, visit),
        ExprKind::Attribute(object, _) => visit(object),
        ExprKind::Subscript(object, index) => {
            visit(object);
            visit(index);
        }
        ExprKind::Slice(parts) => parts.iter().flatten().for_each(|part| visit(part)),
        ExprKind::Call(callee, args) => {
            visit(callee);
            for arg in args {
                match arg {
                    Arg::Positional(value) | Arg::Keyword(_, value) | Arg::Star(value) | Arg::DoubleStar(value) => {
                        visit(value);
                    }
                }
            }
        }
        ExprKind::Unary(_, value)
        | ExprKind::Starred(value)
        | ExprKind::Named(_, value)
        | ExprKind::Await(value)
        | ExprKind::Yield(Some(value))
        | ExprKind::YieldFrom(value) => visit(value),
        ExprKind::Binary(first, rest) => {
            visit(first);
            for (_, value) in rest {
                visit(value);
            }
        }
        ExprKind::Compare(first, rest) => {
            visit(first);
            for (_, value) in rest {
                visit(value);
            }
        }
        ExprKind::And(parts)
        | ExprKind::Or(parts)
        | ExprKind::List(parts)
        | ExprKind::Tuple(parts)
        | ExprKind::Set(parts) => parts.iter().for_each(visit),
        ExprKind::Conditional { test, then, orelse } => {
            visit(test);
            visit(then);
            visit(orelse);
        }
        ExprKind::Dict(pairs) => pairs.iter().for_each(|(key, value)| {
            key.iter().for_each(&mut *visit);
            visit(value);
        }),
        ExprKind::Comprehension(all) => {
            visit(&all.element);
            all.value.iter().for_each(&mut *visit);
            for clause in &all.clauses {
                match clause {
                    Clause::For(_, iter) => visit(iter),
                    Clause::If(test) => visit(test),
                }
            }
        }
        // A lambda's body is a scope of its own.
        _ => {}
    }
}

fn format_parts(parts: &[FormatPart], visit: &mut dyn FnMut(&Expr)) {
    for part in parts {
        if let FormatPart::Value { value, spec, .. } = part {
            visit(value);
            format_parts(spec, visit);
        }
    }
}
