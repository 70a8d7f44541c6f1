//! One function, statement by statement: what it calls of the tree, and what certainly fails in it.

use super::{Ask, Code, Deferral};
use crate::content::{Location, Span};
use crate::python::names::{Binding, Names, bodies, children, dotted};
use crate::python::program::{ClassRef, Constructor, FunctionRef, Given, Target, keeps_signature, misfit};
use crate::python::syntax::{
    Arg, Clause, Expr, ExprKind, FormatPart, Function, Name, Stmt, StmtKind, UnaryOp, without_docstring,
};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Something that fails whenever the statement is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What Python says.
    pub message: String,
    /// The function that it happens in.
    pub within: String,
    /// The qualified name of what is called, where it is there.
    pub callee: Option<String>,
    /// The expression.
    pub at: Location,
    /// Why it may never be reached, where that is so.
    pub doubt: Option<&'static str>,
    /// Whether something is missing, rather than called in the wrong way.
    pub symbol: bool,
    /// Whether the code goes on all the same, with what nobody meant.
    pub goes_on: bool,
}

impl Fault {
    /// What makes two faults the same, wherever they stand.
    pub fn key(&self) -> (String, String) {
        (self.within.clone(), self.message.clone())
    }
}

/// What a function does.
#[derive(Debug)]
pub(super) struct Seen {
    /// Its name, with that of its class.
    pub(super) name: String,
    pub(super) faults: Vec<Fault>,
    pub(super) deferrals: Vec<Deferral>,
    /// What it asks an Airflow for.
    pub(super) asks: Vec<Ask>,
    /// Functions of the tree that it calls or hands on, with the class of their instance.
    pub(super) calls: Vec<(FunctionRef, Option<ClassRef>)>,
}

/// Reads a function; `class` is that of its `self`.
pub(super) fn function(code: &Code, function: &FunctionRef, class: Option<&ClassRef>) -> Seen {
    let def = &function.def;
    let name = class.map_or_else(|| def.name.to_string(), |class| format!("{}.{}", class.def.name, def.name));
    let seen = Seen { name, faults: Vec::new(), deferrals: Vec::new(), asks: Vec::new(), calls: Vec::new() };
    let decorated = |name: &str| function.decorators.iter().any(|decorator| &**decorator == name);
    let this = class.filter(|_| !decorated("staticmethod")).and_then(|class| {
        let first = def.parameters.first()?.name.clone();
        let target =
            if decorated("classmethod") { Target::Class(class.clone()) } else { Target::Instance(class.clone()) };
        Some((first, target))
    });
    let mut scopes: Vec<Rc<Names>> = function.around.to_vec();
    scopes.push(Rc::new(Names::of_function(def)));
    let mut puts = Puts::default();
    puts.body(&def.body);
    let (class, guards) = (class.cloned(), Vec::new());
    let mut walk = Walk { code, function, class, this, scopes, seen, puts, guards, doubt: None };
    walk.body(&def.body);
    walk.seen
}

pub(super) struct Walk<'c> {
    pub(super) code: &'c Code,
    pub(super) function: &'c FunctionRef,
    pub(super) class: Option<ClassRef>,
    /// The first parameter of a method, and what it stands for.
    this: Option<(Name, Target)>,
    /// Around the place, the outermost first; the function's own among them.
    scopes: Vec<Rc<Names>>,
    pub(super) seen: Seen,
    /// What the function itself puts on objects, and which names it hands to others, who may do so.
    puts: Puts,
    /// Exceptions that are caught around the place.
    pub(super) guards: Vec<String>,
    pub(super) doubt: Option<&'static str>,
}

/// What catches everything.
const ALL: &str = "Exception";

impl Walk<'_> {
    fn body(&mut self, body: &[Stmt]) {
        for stmt in without_docstring(body) {
            self.stmt(stmt);
            // What comes behind is never reached.
            if matches!(stmt.kind, StmtKind::Return(_) | StmtKind::Raise(_) | StmtKind::Break | StmtKind::Continue) {
                break;
            }
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Expr(value) => {
                self.expr(value);
                self.never_entered(value);
            }
            StmtKind::Return(Some(value)) | StmtKind::Raise(Some(value)) => self.expr(value),
            StmtKind::Assign { targets, value } => {
                self.expr(value);
                for target in targets {
                    self.unpacks(target, value);
                    self.target_expr(target);
                }
            }
            StmtKind::Annotated { target, value, .. } => {
                if let Some(value) = value {
                    self.expr(value);
                }
                self.target_expr(target);
            }
            StmtKind::Augmented { target, value, .. } => {
                self.expr(value);
                self.target_expr(target);
            }
            StmtKind::Assert(parts) => parts.iter().for_each(|part| self.expr(part)),
            StmtKind::Delete(targets) => targets.iter().for_each(|target| self.target_expr(target)),
            StmtKind::Import(names) => {
                for (dotted, _) in names {
                    if let Target::Missing(class, why) = self.code.program.module(dotted, self.function.file) {
                        self.fault(class, &why, stmt.span, None, true);
                    }
                }
            }
            StmtKind::ImportFrom { level, module, names, star: false } => {
                for (name, _, span) in names {
                    let target = self.code.program.imported(self.function.file, *level, module, name);
                    if let Target::Missing(class, why) = target {
                        self.fault(class, &why, *span, None, true);
                    }
                }
            }
            StmtKind::Function { def, .. } => self.nested(def),
            _ => self.compound(&stmt.kind),
        }
    }

    fn compound(&mut self, stmt: &StmtKind) {
        match stmt {
            StmtKind::If { arms, orelse } => {
                for (test, body) in arms {
                    if is_about_environment(test) {
                        return;
                    }
                    self.uncalled(test, "is true whatever it would give", None);
                    self.expr(test);
                    self.body(body);
                }
                self.body(orelse);
            }
            StmtKind::For(repeated) => {
                self.expr(&repeated.iter);
                self.only_entered(&repeated.iter, "is iterated");
                self.uncalled(&repeated.iter, "is iterated as it is", Some("TypeError"));
                self.target_expr(&repeated.target);
                self.body(&repeated.body);
                self.body(&repeated.orelse);
            }
            StmtKind::While { test, body, orelse } => {
                self.expr(test);
                self.body(body);
                self.body(orelse);
            }
            StmtKind::Try { body, handlers, orelse, finally } => {
                let before = self.guards.len();
                for handler in handlers {
                    caught(handler.kind.as_ref(), &mut self.guards);
                }
                self.body(body);
                self.guards.truncate(before);
                self.body(orelse);
                let doubt = self.doubt.replace("only where another exception was raised");
                for handler in handlers {
                    if let Some(kind) = &handler.kind {
                        self.expr(kind);
                    }
                    self.body(&handler.body);
                }
                self.doubt = doubt;
                self.body(finally);
            }
            StmtKind::With(with) => {
                let before = self.guards.len();
                for (context, target) in &with.items {
                    self.expr(context);
                    self.no_manager(context);
                    if let Some(target) = target {
                        self.target_expr(target);
                    }
                    if let ExprKind::Call(callee, args) = &context.kind
                        && crate::python::value::last_name(callee) == Some("suppress")
                    {
                        for arg in args {
                            if let Arg::Positional(kind) = arg {
                                caught(Some(kind), &mut self.guards);
                            }
                        }
                    }
                }
                self.body(&with.body);
                self.guards.truncate(before);
            }
            StmtKind::Match { subject, cases } => {
                self.expr(subject);
                for case in cases {
                    self.body(&case.body);
                }
            }
            _ => {}
        }
    }

    /// A function within the function: it is taken to be called.
    fn nested(&mut self, def: &Rc<Function>) {
        self.scopes.push(Rc::new(Names::of_function(def)));
        let guards = std::mem::take(&mut self.guards);
        self.body(&def.body);
        self.guards = guards;
        self.scopes.pop();
    }

    /// The left side of an assignment: only what is read on the way counts.
    fn target_expr(&mut self, target: &Expr) {
        match &target.kind {
            ExprKind::Attribute(object, _) => self.expr(object),
            ExprKind::Subscript(object, index) => {
                self.expr(object);
                self.expr(index);
            }
            ExprKind::Tuple(items) | ExprKind::List(items) => items.iter().for_each(|item| self.target_expr(item)),
            ExprKind::Starred(inner) => self.target_expr(inner),
            _ => {}
        }
    }

    fn expr(&mut self, expr: &Expr) {
        self.meant_as_value(expr);
        self.of_kind(expr);
        match &expr.kind {
            ExprKind::Name(_) | ExprKind::Attribute(..) => self.read(expr),
            ExprKind::Call(callee, args) => self.call(callee, args, expr.span),
            ExprKind::Lambda(def) => self.nested(def),
            // What stands behind a condition may be there to keep it from being reached.
            ExprKind::Conditional { test, .. } if is_about_environment(test) => {}
            _ => children(expr, &mut |child| self.expr(child)),
        }
    }

    /// A name or an attribute that is read.
    fn read(&mut self, expr: &Expr) {
        match self.target(expr) {
            Target::Missing("AttributeError", _) if self.may_be_put(expr) => {}
            Target::Missing(class, why) => self.fault(class, &why, expr.span, None, true),
            Target::Function(function) => self.calls(function, None),
            Target::Method(function, class) | Target::Property(function, class) => self.calls(function, Some(class)),
            _ => {
                if let ExprKind::Attribute(object, _) = &expr.kind
                    && dotted(expr).is_none()
                {
                    self.expr(object);
                }
            }
        }
    }

    fn call(&mut self, callee: &Expr, args: &[Arg], span: Span) {
        self.defer(callee, args, span);
        self.ask(callee, args);
        let given = Given::of(args);
        if let ExprKind::Attribute(object, _) = &callee.kind
            && dotted(callee).is_none()
        {
            self.expr(object);
        }
        match self.target(callee) {
            Target::Missing("AttributeError", _) if self.may_be_put(callee) => {}
            Target::Missing(class, why) => self.fault(class, &why, callee.span, None, true),
            Target::Function(function) => {
                self.check(&function, None, &given, span);
                self.calls(function, None);
            }
            Target::Method(function, class) => {
                self.check(&function, Some(&class), &given.behind(1), span);
                self.calls(function, Some(class));
            }
            Target::Class(class) => self.construct(&class, given, span),
            Target::Property(function, class) => {
                self.called_property(&function, &class, callee.span);
                self.calls(function, Some(class));
            }
            Target::Plain(_) | Target::Text(_) => self.not_callable(callee),
            Target::Outside(path) if &*path == "functools.partial" => self.partly_given(args, span),
            _ if !matches!(callee.kind, ExprKind::Name(_) | ExprKind::Attribute(..)) => self.expr(callee),
            _ => {}
        }
        for arg in args {
            match arg {
                Arg::Positional(value) | Arg::Keyword(_, value) | Arg::Star(value) | Arg::DoubleStar(value) => {
                    self.expr(value);
                }
            }
        }
    }

    /// What a property gives is called.
    fn called_property(&mut self, function: &FunctionRef, class: &ClassRef, span: Span) {
        let plain = |expr: &Expr| {
            matches!(
                expr.kind,
                ExprKind::Str(_)
                    | ExprKind::Format(_)
                    | ExprKind::Int(_)
                    | ExprKind::Float(_)
                    | ExprKind::True
                    | ExprKind::False
                    | ExprKind::None
                    | ExprKind::List(_)
                    | ExprKind::Dict(_)
                    | ExprKind::Tuple(_)
                    | ExprKind::Compare(..)
                    | ExprKind::Binary(..)
                    | ExprKind::Comprehension(_)
            )
        };
        let declared = function.def.returns.as_ref().and_then(crate::python::value::last_name);
        let is_plain = declared.is_some_and(|name| matches!(name, "str" | "int" | "float" | "bool" | "bytes" | "None"));
        let sure = is_plain
            || matches!(function.def.body.last().map(|stmt| &stmt.kind), Some(StmtKind::Return(Some(value))) if plain(value));
        let doubt = self.doubt;
        if !sure {
            self.doubt = self.doubt.or(Some("what the property gives may be something to call"));
        }
        let why = format!("`{}.{}` is a property, and what it gives is called", class.def.name, function.def.name);
        self.fault("TypeError", &why, span, None, false);
        self.doubt = doubt;
    }

    /// A function that is given some of its arguments, and the others later on.
    fn partly_given(&mut self, args: &[Arg], span: Span) {
        let Some((Arg::Positional(function), rest)) = args.split_first() else { return };
        let given = Given { star: true, double_star: true, ..Given::of(rest) };
        match self.target(function) {
            Target::Function(function) => self.check(&function, None, &given, span),
            Target::Method(function, class) => self.check(&function, Some(&class), &given.behind(1), span),
            _ => {}
        }
    }

    /// A method that is used as if it were what it gives.
    fn uncalled(&mut self, expr: &Expr, how: &str, class: Option<&'static str>) {
        let Target::Method(method, of) = self.target(expr) else { return };
        if !method.decorators.is_empty() || self.code.program.puts_on(&of, &method.def.name) {
            return;
        }
        let known = self.seen.faults.len();
        let why = format!("`{}.{}` is a method, and {how}", of.def.name, method.def.name);
        self.fault(class.unwrap_or("TypeError"), &why, expr.span, None, false);
        if class.is_none()
            && let Some(fault) = self.seen.faults.get_mut(known)
        {
            fault.message = why;
            fault.goes_on = true;
        }
    }

    /// Methods that stand where a value is meant.
    fn meant_as_value(&mut self, expr: &Expr) {
        /// Functions of Python's own that take no function for what they are given first.
        const OF_VALUES: [&str; 9] = ["len", "list", "tuple", "set", "sorted", "sum", "enumerate", "int", "float"];
        const ERROR: Option<&str> = Some("TypeError");
        match &expr.kind {
            ExprKind::Format(parts) => {
                for part in parts {
                    if let FormatPart::Value { value, conversion: None, debug: None, .. } = part {
                        self.uncalled(value, "is put into a text as it is", None);
                    }
                }
            }
            ExprKind::Binary(first, rest) => {
                for value in std::iter::once(&**first).chain(rest.iter().map(|(_, value)| value)) {
                    self.uncalled(value, "is calculated with as it is", ERROR);
                }
            }
            ExprKind::Subscript(object, _) => self.uncalled(object, "is looked into as it is", ERROR),
            ExprKind::Compare(first, rest) => {
                for value in std::iter::once(&**first).chain(rest.iter().map(|(_, value)| value)) {
                    self.uncalled(value, "is compared as it is", None);
                }
            }
            ExprKind::Conditional { test, .. } | ExprKind::Unary(UnaryOp::Not, test) => {
                self.uncalled(test, "is true whatever it would give", None);
            }
            ExprKind::Call(callee, args) => {
                if let [Arg::Positional(value), ..] = &**args
                    && matches!(self.target(callee), Target::Outside(path) if path.strip_prefix("builtins.").is_some_and(|name| OF_VALUES.contains(&name)))
                {
                    self.uncalled(value, "is taken for a value as it is", ERROR);
                }
            }
            ExprKind::Comprehension(all) => {
                for clause in &all.clauses {
                    if let Clause::For(_, iter) = clause {
                        self.uncalled(iter, "is iterated as it is", ERROR);
                    }
                }
            }
            _ => {}
        }
    }

    /// A function that is called or handed on. One within this function is read where it stands.
    fn calls(&mut self, function: FunctionRef, class: Option<ClassRef>) {
        if function.file != self.function.file || function.around.len() <= self.function.around.len() {
            self.seen.calls.push((function, class));
        }
    }

    fn construct(&mut self, class: &ClassRef, given: Given, span: Span) {
        let path = self.code.program.path_of(class.file, &class.def.name);
        if let Some(method) = self.code.program.left_abstract(class) {
            let why = format!("`{}` cannot be made: nothing implements its `{method}`", class.def.name);
            self.fault("TypeError", &why, span, Some(path.clone()), false);
        }
        let why = match self.code.program.constructor(class) {
            Constructor::Init(init) => {
                let why = misfit(&init.def, &given.behind(1));
                self.seen.calls.push((init, Some(class.clone())));
                why
            }
            Constructor::Fields(fields) => misfields(&fields, &given),
            Constructor::Nothing => {
                (given.positional > 0 || !given.keywords.is_empty()).then(|| "takes no arguments".to_owned())
            }
            Constructor::Unknown => None,
        };
        if let Some(why) = why {
            let why = format!("`{}()` {why}", class.def.name);
            self.fault("TypeError", &why, span, Some(path), false);
        }
    }

    fn check(&mut self, function: &FunctionRef, class: Option<&ClassRef>, given: &Given, span: Span) {
        let replaced;
        let called = if keeps_signature(&function.decorators) {
            &function.def
        } else if class.is_none() {
            replaced = self.code.program.called_for(function);
            let Some(replaced) = &replaced else { return };
            replaced
        } else {
            return;
        };
        let Some(why) = misfit(called, given) else { return };
        let name = match class {
            Some(class) => format!("{}.{}", class.def.name, function.def.name),
            None if function.def.name.is_empty() => "<lambda>".to_owned(),
            None => function.def.name.to_string(),
        };
        let path = function.around.is_empty().then(|| self.code.program.path_of(function.file, &name));
        self.fault("TypeError", &format!("`{name}()` {why}"), span, path, false);
    }

    pub(super) fn fault(&mut self, class: &str, why: &str, span: Span, callee: Option<String>, symbol: bool) {
        let bases: &[&str] = match class {
            "ModuleNotFoundError" => &["ModuleNotFoundError", "ImportError"],
            "ImportError" => &["ImportError"],
            "AttributeError" => &["AttributeError"],
            "NameError" => &["NameError"],
            "ValueError" => &["ValueError"],
            "IndexError" => &["IndexError", "LookupError"],
            _ => &["TypeError"],
        };
        if self.guards.iter().any(|guard| guard == ALL || bases.contains(&guard.as_str())) {
            return;
        }
        self.seen.faults.push(Fault {
            message: format!("{class}: {why}"),
            within: self.seen.name.clone(),
            callee,
            at: self.code.location(self.function.file, span),
            doubt: self.doubt,
            symbol,
            goes_on: false,
        });
    }

    /// Whether an expression is the instance whose method this is.
    pub(super) fn is_self(&self, expr: &Expr) -> bool {
        matches!((&expr.kind, &self.this), (ExprKind::Name(name), Some((this, Target::Instance(_)))) if name == this)
    }

    /// What an expression leads to.
    pub(super) fn target(&self, expr: &Expr) -> Target {
        let file = self.function.file;
        match &expr.kind {
            ExprKind::Name(name) => match &self.this {
                // A method may put something else there.
                Some((this, target)) if this == name && !self.rebinds(this) => target.clone(),
                _ => self.code.program.name(file, &self.scopes, name),
            },
            ExprKind::Attribute(object, name) if is_super(object) => self.above(name),
            ExprKind::Attribute(object, name) => {
                let target = self.target(object);
                self.code.program.attribute(&target, name, file)
            }
            ExprKind::Call(callee, _) => match self.target(callee) {
                Target::Class(class) => Target::Instance(class),
                Target::Function(function) | Target::Method(function, _) => self.code.program.called(&function),
                missing @ Target::Missing(..) => missing,
                _ => Target::Unknown,
            },
            _ => Target::Unknown,
        }
    }

    /// What `super().name` leads to, where that is a method, or nothing.
    fn above(&self, name: &Name) -> Target {
        let Some(class) = self.class.as_ref() else { return Target::Unknown };
        let Some(base) = self.code.program.above(class, self.function) else { return Target::Unknown };
        match self.code.program.attribute(&Target::Instance(base), name, self.function.file) {
            // What it calls of `self` is of the class below.
            Target::Method(method, _) => Target::Method(method, class.clone()),
            missing @ Target::Missing(..) => missing,
            _ => Target::Unknown,
        }
    }

    fn rebinds(&self, this: &Name) -> bool {
        let mut inner = self.scopes.iter().skip(self.function.around.len());
        // The parameter itself is bound as some value; a second binding makes it several things.
        let again = |names: &Rc<Names>| matches!(names.bound.get(this), Some(Binding::Several));
        inner.next().is_some_and(again) || inner.any(|names| names.bound.contains_key(this))
    }

    /// Whether an attribute may be there because somebody has put it on the object.
    fn may_be_put(&self, expr: &Expr) -> bool {
        let ExprKind::Attribute(object, name) = &expr.kind else { return false };
        let handed_on = matches!(&object.kind, ExprKind::Name(name) if self.puts.handed_on.contains(name));
        // A member of a module or class that is handed on is what it is.
        let is_object = matches!(self.target(object), Target::Instance(_));
        self.puts.attributes.contains(name)
            || handed_on && is_object && !self.is_self(object)
            || self.may_be_put(object)
    }
}

/// Whether it is `super()`.
fn is_super(expr: &Expr) -> bool {
    let ExprKind::Call(callee, args) = &expr.kind else { return false };
    args.is_empty() && matches!(&callee.kind, ExprKind::Name(name) if &**name == "super")
}

#[derive(Default)]
struct Puts {
    attributes: BTreeSet<Name>,
    handed_on: BTreeSet<Name>,
}

impl Puts {
    fn body(&mut self, body: &[Stmt]) {
        for stmt in body {
            match &stmt.kind {
                StmtKind::Assign { targets, value } => {
                    for target in targets {
                        self.target(target);
                    }
                    self.expr(value);
                }
                StmtKind::Annotated { target, value, .. } => {
                    self.target(target);
                    if let Some(value) = value {
                        self.expr(value);
                    }
                }
                StmtKind::Expr(value) | StmtKind::Return(Some(value)) => self.expr(value),
                StmtKind::For(repeated) => self.target(&repeated.target),
                _ => {}
            }
            bodies(&stmt.kind, &mut |body| self.body(body));
        }
    }

    fn target(&mut self, target: &Expr) {
        match &target.kind {
            ExprKind::Attribute(_, name) => {
                self.attributes.insert(name.clone());
            }
            ExprKind::Tuple(items) | ExprKind::List(items) => items.iter().for_each(|item| self.target(item)),
            _ => {}
        }
    }

    fn expr(&mut self, expr: &Expr) {
        if let ExprKind::Call(_, args) = &expr.kind {
            for arg in args {
                let (Arg::Positional(value) | Arg::Keyword(_, value)) = arg else { continue };
                if let ExprKind::Name(name) = &value.kind {
                    self.handed_on.insert(name.clone());
                }
            }
        }
        children(expr, &mut |child| self.expr(child));
    }
}

/// Whether the arguments of a call fit the fields of a dataclass.
fn misfields(fields: &[(Name, bool)], given: &Given) -> Option<String> {
    if given.positional > fields.len() {
        return Some(format!("takes {} positional arguments but {} were given", fields.len(), given.positional));
    }
    if let Some(name) = given.keywords.iter().find(|name| !fields.iter().any(|(field, _)| field == *name)) {
        return Some(format!("got an unexpected keyword argument `{name}`"));
    }
    if given.star || given.double_star {
        return None;
    }
    let open = |(name, default): &&(Name, bool)| !default && !given.keywords.contains(name);
    let (name, _) = fields.iter().skip(given.positional).find(open)?;
    Some(format!("missing a required argument: `{name}`"))
}

/// The names of the exceptions that a handler catches; all, for what cannot be read off.
pub(super) fn caught(kind: Option<&Expr>, found: &mut Vec<String>) {
    let Some(kind) = kind else {
        found.push(ALL.to_owned());
        return;
    };
    match &kind.kind {
        ExprKind::Tuple(kinds) => kinds.iter().for_each(|kind| caught(Some(kind), found)),
        ExprKind::Name(name) | ExprKind::Attribute(_, name) => match &**name {
            "BaseException" => found.push(ALL.to_owned()),
            name => found.push(name.to_owned()),
        },
        _ => found.push(ALL.to_owned()),
    }
}

/// Whether a condition asks what is installed, or for whom the code is: one side of it is never
/// reached, and which is not known.
pub(super) fn is_about_environment(test: &Expr) -> bool {
    let mut found = false;
    let mut look = |expr: &Expr| {
        found |= match &expr.kind {
            ExprKind::Name(name) | ExprKind::Attribute(_, name) => {
                let name = name.to_ascii_lowercase();
                name.contains("version") || matches!(&*name, "type_checking" | "hasattr" | "airflow_v_3_plus")
            }
            ExprKind::False => true,
            _ => false,
        };
    };
    everywhere(test, &mut look);
    found
}

fn everywhere(expr: &Expr, look: &mut dyn FnMut(&Expr)) {
    look(expr);
    children(expr, &mut |child| everywhere(child, look));
}
