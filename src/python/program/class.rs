//! Classes of the tree: their bases, their members, and what their instances have.

use super::{Around, FunctionRef, Program, Target};
use crate::python::names::{Binding, Names, children, dotted, literal};
use crate::python::syntax::{Arg, Class, Expr, ExprKind, Function, Name, Stmt, StmtKind};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A class and where its names are looked up.
#[derive(Clone, Debug)]
pub(crate) struct ClassRef {
    pub(crate) file: usize,
    pub(crate) def: Rc<Class>,
    pub(crate) decorators: Rc<[Name]>,
    pub(crate) around: Around,
}

/// A class by its file and the address of its syntax, which its module keeps.
pub(super) type Key = (usize, usize);

impl ClassRef {
    fn key(&self) -> Key {
        (self.file, Rc::as_ptr(&self.def).addr())
    }

    /// Whether both are the same piece of text.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

/// What a class has.
#[derive(Debug)]
pub(super) struct Members {
    names: Names,
    /// Keeps the address in [`Key`] from being used again.
    _class: Rc<Class>,
    /// The classes of the tree that it derives from, itself first.
    line: OnceCell<Line>,
    /// What its methods put on `self`.
    own: OnceCell<Own>,
}

/// Where attributes of a class are looked up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// Classes of the tree, in the order in which they are asked.
    pub(crate) classes: Vec<ClassRef>,
    /// Qualified names of bases outside the tree.
    pub(crate) outside: Vec<Name>,
    /// Whether there is a base that cannot be read off, or something else by which attributes come
    /// about.
    pub(crate) open: bool,
}

#[derive(Debug, Default)]
struct Own {
    bound: BTreeMap<Name, Binding>,
    open: bool,
}

/// How a class is called.
#[derive(Clone, Debug)]
pub(crate) enum Constructor {
    /// By that `__init__`.
    Init(FunctionRef),
    /// By fields (`@dataclass`), each with whether it has a default.
    Fields(Vec<(Name, bool)>),
    /// It takes no arguments.
    Nothing,
    /// That cannot be read off.
    Unknown,
}

/// Bases on which every attribute that counts is known.
const PLAIN: [&str; 6] =
    ["builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol", "typing_extensions.Protocol", "enum.Enum"];
/// Bases that make a tuple with names of the fields of a class.
const TUPLES: [&str; 3] = ["collections.namedtuple", "typing.NamedTuple", "typing_extensions.NamedTuple"];
/// What such a tuple has beyond its fields.
const OF_TUPLE: [&str; 7] = ["count", "index", "_asdict", "_fields", "_field_defaults", "_make", "_replace"];
/// What a function under `@contextmanager` gives.
pub(super) const MANAGER: &str = "context manager";
/// What that has.
pub(super) const OF_MANAGER: [&str; 4] = ["gen", "func", "args", "kwds"];
/// What an exception has.
const OF_EXCEPTION: [&str; 3] = ["args", "with_traceback", "add_note"];
/// What an `Enum` has beyond its members.
const OF_ENUM: [&str; 6] = ["name", "value", "names", "values", "mro", "register"];

impl Program {
    fn members(&self, class: &ClassRef) -> Rc<Members> {
        if let Some(known) = self.classes.borrow().get(&class.key()) {
            return known.clone();
        }
        let members = Rc::new(Members {
            names: Names::of_body(&class.def.body),
            _class: class.def.clone(),
            line: OnceCell::new(),
            own: OnceCell::new(),
        });
        self.classes.borrow_mut().insert(class.key(), members.clone());
        members
    }

    /// Where attributes of a class are looked up.
    pub(crate) fn line(&self, class: &ClassRef) -> Line {
        let members = self.members(class);
        if let Some(line) = members.line.get() {
            return line.clone();
        }
        let mut line = Line::default();
        self.derive(class, &mut line, 0);
        members.line.get_or_init(|| line).clone()
    }

    fn derive(&self, class: &ClassRef, line: &mut Line, depth: usize) {
        /// Bases of bases.
        const DEEPEST: usize = 30;
        if depth > DEEPEST {
            line.open = true;
            return;
        }
        if line.classes.iter().any(|known| known.is(class)) {
            return;
        }
        line.classes.push(class.clone());
        let names = &self.members(class).names;
        line.open |=
            names.open || ["__getattr__", "__getattribute__"].iter().any(|name| names.bound.contains_key(*name));
        line.open |= !class.decorators.iter().all(|name| is_dataclass(name) || is_transparent(name));
        for argument in &class.def.arguments {
            let Arg::Positional(base) = argument else {
                line.open |= !matches!(argument, Arg::Keyword(name, value) if &**name == "metaclass"
                    && dotted(value).is_some_and(|parts| parts.last().is_some_and(|last| &**last == "ABCMeta")));
                continue;
            };
            let base = match &base.kind {
                ExprKind::Subscript(object, _) => object,
                _ => base,
            };
            match dotted(base).map(|parts| self.dotted(class.file, &class.around, &parts)) {
                Some(Target::Class(base)) => self.derive(&base, line, depth + 1),
                Some(Target::Outside(path)) => line.outside.push(path),
                _ => line.open = true,
            }
        }
    }

    /// Whether no base outside the tree can have the attribute.
    fn has_not(&self, line: &Line, name: &str) -> bool {
        !line.open
            && !name.starts_with("__")
            && line.outside.iter().all(|base| {
                let plain = PLAIN.contains(&&**base) && !OF_ENUM.contains(&name)
                    || TUPLES.contains(&&**base) && !OF_TUPLE.contains(&name)
                    || matches!(&**base, "builtins.Exception" | "builtins.ValueError" | "builtins.RuntimeError")
                        && !OF_EXCEPTION.contains(&name);
                plain || (self.has_attribute)(base, name) == Some(false)
            })
    }

    fn own(&self, class: &ClassRef) -> Rc<Members> {
        let members = self.members(class);
        members.own.get_or_init(|| {
            let mut own = Own::default();
            for stmt in &class.def.body {
                match &stmt.kind {
                    StmtKind::Function { def, .. } => own.of_method(def),
                    // A field, with or without a value.
                    StmtKind::Annotated { target, .. } => {
                        if let ExprKind::Name(name) = &target.kind {
                            own.bound.entry(name.clone()).or_insert(Binding::Value);
                        }
                    }
                    _ => {}
                }
            }
            own
        });
        members
    }

    /// The method or attribute of that name on a class, and the class that has it.
    pub(crate) fn find(&self, class: &ClassRef, name: &str) -> Option<(ClassRef, Binding)> {
        self.line(class).classes.into_iter().find_map(|class| {
            let binding = self.members(&class).names.bound.get(name).cloned()?;
            Some((class, binding))
        })
    }

    /// The method of that name as a class of the tree defines it, whatever decorates it.
    pub(crate) fn method(&self, class: &ClassRef, name: &str) -> Option<FunctionRef> {
        match self.find(class, name)? {
            (class, Binding::Function(def, decorators)) => Some(function(&class, &def, &decorators)),
            _ => None,
        }
    }

    pub(super) fn member_of_class(&self, class: &ClassRef, name: &str, instance: bool, links: usize) -> Target {
        if let Some((owner, binding)) = self.find(class, name) {
            return match &binding {
                Binding::Function(def, decorators) => {
                    let method = function(&owner, def, decorators);
                    if has(decorators, "staticmethod") {
                        Target::Function(method)
                    } else if has(decorators, "classmethod") {
                        Target::Method(method, class.clone())
                    } else if instance && is_property(decorators) {
                        Target::Property(method, class.clone())
                    } else if !keeps_signature(decorators) {
                        Target::Unknown
                    } else if instance {
                        Target::Method(method, class.clone())
                    } else {
                        Target::Function(method)
                    }
                }
                // An instance may have its own.
                _ if instance && self.puts(class, name).is_some() => Target::Unknown,
                // The body of a class is no scope for what is in it, but for its own names.
                Binding::Class(def, decorators) => Target::Class(ClassRef {
                    file: owner.file,
                    def: def.clone(),
                    decorators: decorators.clone(),
                    around: owner.around.clone(),
                }),
                Binding::Text(text) => Target::Text(text.clone()),
                Binding::Plain(kind) => Target::Plain(kind),
                _ => Target::Unknown,
            };
        }
        let line = self.line(class);
        if instance {
            match self.puts(class, name) {
                Some((owner, Binding::Made(parts))) if links > 0 => {
                    return match self.follow(owner.file, &owner.around, &parts, links - 1) {
                        Target::Class(class) => Target::Instance(class),
                        _ => Target::Unknown,
                    };
                }
                Some(_) => return Target::Unknown,
                None => {}
            }
            if line.classes.iter().any(|class| self.own(class).own.get().is_some_and(|own| own.open)) {
                return Target::Unknown;
            }
        }
        if !self.has_not(&line, name) {
            return Target::Unknown;
        }
        let class = &class.def.name;
        let message = if instance {
            format!("`{class}` object has no attribute `{name}`")
        } else {
            format!("type object `{class}` has no attribute `{name}`")
        };
        Target::Missing("AttributeError", message)
    }

    /// What a call of a function gives, where its only `return` makes an instance of a class of the tree, or where
    /// each gives a literal.
    pub(crate) fn called(&self, function: &FunctionRef) -> Target {
        self.given_by(function, super::LINKS)
    }

    pub(super) fn given_by(&self, function: &FunctionRef, links: usize) -> Target {
        let Some(links) = links.checked_sub(1) else { return Target::Unknown };
        let FunctionRef { file, def, decorators, around } = function;
        if matches!(&**decorators, [one] if matches!(one.rsplit('.').next(), Some("contextmanager"))) {
            return Target::Plain(MANAGER);
        }
        let plain = decorators.iter().all(|name| {
            let last = name.rsplit('.').next();
            matches!(last, Some("property" | "cached_property" | "staticmethod" | "lru_cache" | "cache"))
        });
        if plain && !def.is_async && def.generator {
            return Target::Plain("generator");
        }
        if !plain || def.is_async {
            return Target::Unknown;
        }
        let scopes: Vec<Rc<Names>> = around.iter().cloned().chain([Rc::new(Names::of_function(def))]).collect();
        let mut given = Vec::new();
        returns(&def.body, &mut |value| {
            given.push(match value.map(|value| &value.kind) {
                Some(ExprKind::Call(callee, _)) => {
                    match dotted(callee).map(|parts| self.follow(*file, &scopes, &parts, links)) {
                        Some(Target::Class(class)) => Target::Instance(class),
                        Some(Target::Function(function)) => self.given_by(&function, links),
                        _ => Target::Unknown,
                    }
                }
                Some(ExprKind::Name(name)) => self.follow(*file, &scopes, std::slice::from_ref(name), links),
                _ => value.and_then(literal).map_or(Target::Unknown, Target::Plain),
            });
        });
        match given.as_slice() {
            [instance @ Target::Instance(_)] => instance.clone(),
            [plain @ Target::Plain(kind), rest @ ..]
                if rest.iter().all(|other| matches!(other, Target::Plain(other) if other == kind)) =>
            {
                plain.clone()
            }
            _ => Target::Unknown,
        }
    }

    /// Whether `with` of an instance gives that instance.
    pub(super) fn enters_itself(&self, class: &ClassRef) -> bool {
        let Some((_, Binding::Function(def, decorators))) = self.find(class, "__enter__") else { return false };
        let this = def.parameters.first().map(|first| &first.name);
        let is_this = |value: &Expr| matches!(&value.kind, ExprKind::Name(name) if Some(name) == this);
        let mut returned = Vec::new();
        returns(&def.body, &mut |value| returned.push(value.is_some_and(is_this)));
        decorators.is_empty() && returned == [true]
    }

    /// The class of the tree that `super()` asks first, in a method of `class` that is written in a class that
    /// it derives from; none where several bases would have to be put in order.
    pub(crate) fn above(&self, class: &ClassRef, method: &FunctionRef) -> Option<ClassRef> {
        let line = self.line(class);
        let bases =
            |class: &ClassRef| class.def.arguments.iter().filter(|arg| matches!(arg, Arg::Positional(_))).count();
        if line.open || line.classes.iter().any(|class| bases(class) > 1) {
            return None;
        }
        let has = |class: &ClassRef| {
            let own =
                |stmt: &Stmt| matches!(&stmt.kind, StmtKind::Function { def, .. } if Rc::ptr_eq(def, &method.def));
            class.def.body.iter().any(own)
        };
        let at = line.classes.iter().position(has)?;
        line.classes.get(at + 1).cloned()
    }

    /// Whether the methods of a class put something on their instance under that name.
    pub(crate) fn puts_on(&self, class: &ClassRef, name: &str) -> bool {
        self.puts(class, name).is_some()
    }

    /// What a method of a class puts on its instance under that name, and the class of the method.
    fn puts(&self, class: &ClassRef, name: &str) -> Option<(ClassRef, Binding)> {
        self.line(class).classes.into_iter().find_map(|class| {
            let members = self.own(&class);
            let binding = members.own.get()?.bound.get(name).cloned()?;
            Some((class, binding))
        })
    }

    /// The fields of a tuple with names, in order, and whether each has a default; none for another class.
    pub(crate) fn tuple_fields(&self, class: &ClassRef) -> Option<Vec<(Name, bool)>> {
        let line = self.line(class);
        let is_tuple = matches!(line.outside.as_slice(), [base] if TUPLES.contains(&&**base));
        let own = is_tuple && line.classes.len() == 1 && !line.open && self.find(class, "__new__").is_none();
        if own { fields(&class.def) } else { None }
    }

    /// Whether instances of a class certainly lack a special method, as `__enter__`.
    pub(crate) fn lacks_special(&self, class: &ClassRef, name: &str) -> bool {
        let line = self.line(class);
        let plain = |base: &Name| PLAIN.contains(&&**base) || TUPLES.contains(&&**base);
        !line.open && line.outside.iter().all(plain) && self.find(class, name).is_none()
    }

    /// A method that a class leaves abstract, where that keeps instances from being made.
    pub(crate) fn left_abstract(&self, class: &ClassRef) -> Option<Name> {
        let line = self.line(class);
        let checked = line.outside.iter().any(|base| &**base == "abc.ABC")
            || line.classes.iter().any(|class| class.def.arguments.iter().any(|arg| matches!(arg, Arg::Keyword(..))));
        if line.open || !checked {
            return None;
        }
        let is_abstract = |name: &Name| matches!(self.find(class, name), Some((_, Binding::Function(_, decorators))) if has(&decorators, "abstractmethod"));
        line.classes
            .iter()
            .find_map(|class| self.members(class).names.bound.keys().find(|name| is_abstract(name)).cloned())
    }

    /// How a class is called.
    pub(crate) fn constructor(&self, class: &ClassRef) -> Constructor {
        let line = self.line(class);
        if self.find(class, "__new__").is_some() || line.open {
            return Constructor::Unknown;
        }
        match self.find(class, "__init__") {
            Some((owner, Binding::Function(def, decorators))) if decorators.is_empty() => {
                Constructor::Init(function(&owner, &def, &decorators))
            }
            None if class.decorators.iter().any(|name| is_dataclass(name)) => {
                if line.classes.len() > 1 || !line.outside.is_empty() {
                    return Constructor::Unknown;
                }
                fields(&class.def).map_or(Constructor::Unknown, Constructor::Fields)
            }
            None if self.tuple_fields(class).is_some() => {
                self.tuple_fields(class).map_or(Constructor::Unknown, Constructor::Fields)
            }
            None if line.outside.iter().all(|base| matches!(&**base, "builtins.object" | "abc.ABC")) => {
                // A dataclass among the bases gives its fields.
                let derived = line.classes.iter().any(|class| !class.decorators.is_empty());
                if derived { Constructor::Unknown } else { Constructor::Nothing }
            }
            _ => Constructor::Unknown,
        }
    }
}

fn function(owner: &ClassRef, def: &Rc<Function>, decorators: &Rc<[Name]>) -> FunctionRef {
    FunctionRef { file: owner.file, def: def.clone(), decorators: decorators.clone(), around: owner.around.clone() }
}

fn has(decorators: &[Name], name: &str) -> bool {
    decorators.iter().any(|decorator| decorator.rsplit('.').next() == Some(name))
}

/// Whether a function is called by whoever reads its name.
fn is_property(decorators: &[Name]) -> bool {
    matches!(decorators, [one] if matches!(one.rsplit('.').next(), Some("property" | "cached_property")))
}

fn is_dataclass(decorator: &str) -> bool {
    matches!(decorator, "dataclass" | "dataclasses.dataclass")
}

/// Decorators after which a class is what it was.
fn is_transparent(decorator: &str) -> bool {
    matches!(decorator.rsplit('.').next(), Some("final" | "total_ordering" | "unique" | "runtime_checkable"))
}

/// Whether a decorated function is called as it is defined.
pub(crate) fn keeps_signature(decorators: &[Name]) -> bool {
    decorators.iter().all(|decorator| {
        matches!(
            decorator.rsplit('.').next(),
            Some(
                "staticmethod"
                    | "classmethod"
                    | "lru_cache"
                    | "cache"
                    | "contextmanager"
                    | "asynccontextmanager"
                    | "abstractmethod"
                    | "override"
                    | "final"
                    | "deprecated"
            )
        )
    })
}

/// What the `return` statements of a body give, those of functions within it left out.
fn returns(body: &[Stmt], visit: &mut dyn FnMut(Option<&Expr>)) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Return(value) => visit(value.as_ref()),
            StmtKind::Function { .. } | StmtKind::Class { .. } => {}
            kind => crate::python::names::bodies(kind, &mut |body| returns(body, visit)),
        }
    }
}

/// The fields of a dataclass, in order; none if they cannot be read off.
fn fields(class: &Class) -> Option<Vec<(Name, bool)>> {
    let mut fields = Vec::new();
    for stmt in &class.body {
        let StmtKind::Annotated { target, annotation, value } = &stmt.kind else { continue };
        let ExprKind::Name(name) = &target.kind else { return None };
        let inner = match &annotation.kind {
            ExprKind::Subscript(object, _) => object,
            _ => annotation,
        };
        match crate::python::value::last_name(inner) {
            Some(text) if text.contains("ClassVar") => continue,
            Some(text) if text.contains("KW_ONLY") || text.contains("InitVar") => return None,
            Some(_) => {}
            None if matches!(annotation.kind, ExprKind::Binary(..) | ExprKind::None) => {}
            None => return None,
        }
        // `field(init=False)` and its kin.
        if let Some(Expr { kind: ExprKind::Call(_, args), .. }) = value {
            let named = |wanted: &str| args.iter().any(|arg| matches!(arg, Arg::Keyword(name, _) if &**name == wanted));
            if named("init") || named("kw_only") {
                return None;
            }
            fields.push((name.clone(), named("default") || named("default_factory")));
        } else {
            fields.push((name.clone(), value.is_some()));
        }
    }
    Some(fields)
}

impl Own {
    fn of_method(&mut self, method: &Function) {
        let Some(first) = method.parameters.first() else { return };
        self.body(&method.body, &first.name);
    }

    fn body(&mut self, body: &[Stmt], this: &Name) {
        for stmt in body {
            match &stmt.kind {
                StmtKind::Assign { targets, value } => {
                    self.look(value, this);
                    for target in targets {
                        self.target(target, Some(value), this);
                    }
                }
                StmtKind::Annotated { target, value, .. } => self.target(target, value.as_ref(), this),
                StmtKind::Augmented { target, .. } => self.target(target, None, this),
                StmtKind::For(repeated) => self.target(&repeated.target, None, this),
                StmtKind::With(with) => {
                    for target in with.items.iter().filter_map(|(_, target)| target.as_ref()) {
                        self.target(target, None, this);
                    }
                }
                StmtKind::Expr(value) | StmtKind::Return(Some(value)) => self.look(value, this),
                _ => {}
            }
            crate::python::names::bodies(&stmt.kind, &mut |body| self.body(body, this));
        }
    }

    fn target(&mut self, target: &Expr, value: Option<&Expr>, this: &Name) {
        match &target.kind {
            ExprKind::Attribute(object, name) if matches!(&object.kind, ExprKind::Name(of) if of == this) => {
                let binding = match value.map(|value| &value.kind) {
                    Some(ExprKind::Call(callee, _)) if !self.bound.contains_key(name) => {
                        dotted(callee).map_or(Binding::Value, |parts| Binding::Made(parts.into()))
                    }
                    _ => Binding::Value,
                };
                self.bound.insert(name.clone(), binding);
            }
            ExprKind::Tuple(items) | ExprKind::List(items) => {
                for item in items {
                    self.target(item, None, this);
                }
            }
            ExprKind::Starred(inner) => self.target(inner, None, this),
            // `self.__dict__["x"] = …`
            ExprKind::Subscript(object, _) => self.look(object, this),
            _ => {}
        }
    }

    /// Whether attributes come about that are not seen.
    fn look(&mut self, expr: &Expr, this: &Name) {
        match &expr.kind {
            // Whoever is given the instance may put something on it.
            ExprKind::Call(_, args) => {
                self.open |= args.iter().any(|arg| {
                    let (Arg::Positional(value) | Arg::Keyword(_, value)) = arg else { return false };
                    matches!(&value.kind, ExprKind::Name(name) if name == this)
                });
            }
            ExprKind::Attribute(object, name) if matches!(&**name, "__dict__" | "__setattr__") => {
                self.open |= matches!(&object.kind, ExprKind::Name(of) if of == this)
                    || matches!(&object.kind, ExprKind::Call(..));
            }
            _ => {}
        }
        children(expr, &mut |child| self.look(child, this));
    }
}
