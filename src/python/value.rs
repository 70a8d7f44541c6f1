//! What an expression is worth, as far as the text holds it.
//!
//! Invariants: everything that can nest lives in a heap and is referred to by number, so
//! identity is Python's own and dropping never recurses. A value that is not known says why.

use super::syntax::{Class, Comprehension, Expr, Function, Name};
use crate::content::Span;
use indexmap::IndexMap;
use indexmap::map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A place in one of the tree's files, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    /// See [`At::file`].
    pub(crate) file: u32,
    pub(crate) span: Span,
}

impl At {
    /// That place in a file, by the file's number.
    pub(crate) fn new(file: usize, span: Span) -> Self {
        // More files than that no tree has: they would not fit into memory.
        Self { file: u32::try_from(file).unwrap_or(u32::MAX), span }
    }

    /// The number of the file.
    pub(crate) fn file(self) -> usize {
        self.file as usize
    }

    /// Whether it is a part of that place, or all of it.
    pub(crate) fn is_within(self, outer: At) -> bool {
        self.file == outer.file && self.span.start >= outer.span.start && self.span.end <= outer.span.end
    }
}

/// Refers to an object in the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ref(pub(crate) usize);

/// Refers to something of the host (for `dag`: a DAG, a task, …).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostRef(pub(crate) usize);

/// Refers to a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ScopeRef(pub(crate) usize);

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    None,
    Ellipsis,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Text),
    Bytes(Rc<[u8]>),
    Object(Ref),
    /// A module of the tree, by file number; a package without `__init__.py` by its dotted name.
    Module(ModuleKey),
    /// Something that is not in the tree, by its qualified name: `datetime.timedelta`.
    Outside(Rc<str>),
    Host(HostRef),
    OneOf(Rc<[Value]>),
    Unknown(Rc<Unknown>),
}

/// A text and the expression that decided it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "a text is a text first")]
pub(crate) struct Text {
    pub(crate) text: Rc<str>,
    pub(crate) at: Option<At>,
    /// Where the texts that it was made of are written, as far as that is elsewhere.
    pub(crate) parts: Option<Rc<Vec<At>>>,
}

impl Text {
    /// Where it is written, or what it was made of.
    pub(crate) fn sources(&self) -> &[At] {
        match &self.parts {
            Some(parts) => parts,
            None => self.at.as_slice(),
        }
    }
}

/// Which module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ModuleKey {
    File(usize),
    Namespace(Rc<str>),
}

/// A value that is not known.
#[derive(Clone, Debug)]
pub(crate) struct Unknown {
    /// Why, in words.
    pub(crate) reason: Rc<str>,
    pub(crate) at: At,
    /// Canonical text: equal text is equal work.
    pub(crate) text: Rc<str>,
    /// The qualified name that it comes from.
    pub(crate) root: Option<Rc<str>>,
    /// For a text: how it begins and ends.
    pub(crate) affix: Option<(Rc<str>, Rc<str>)>,
    /// Whether the text is the home folder's path and then exactly the end in `affix`.
    pub(crate) home: bool,
    /// For a list: its last elements, where those are known.
    pub(crate) tail: Option<Rc<[Value]>>,
    /// Host objects that went into it.
    pub(crate) hosts: Vec<HostRef>,
}

/// What lives in the heap.
#[derive(Clone, Debug)]
pub(crate) enum Object {
    List(Sequence),
    Tuple(Sequence),
    Set(Vec<Value>),
    Dict(Dict),
    Function(FunctionObject),
    Class(Box<ClassObject>),
    Instance(Instance),
    /// A function with its first argument.
    Bound {
        receiver: Value,
        function: Ref,
    },
    /// A method of a built-in type, or of a host object.
    Method {
        receiver: Value,
        name: Name,
    },
    /// `super()`: attributes of `receiver` as seen by the classes behind `class`.
    Super {
        receiver: Value,
        class: Ref,
    },
    Partial {
        function: Value,
        args: Box<Args>,
    },
    Property {
        get: Value,
        set: Option<Box<Value>>,
        delete: Option<Box<Value>>,
    },
    /// A method whose result becomes an attribute of the instance at its first reading.
    CachedProperty(Value),
    /// `globals()`: the names of a module.
    Globals(ScopeRef),
    /// A function behind `functools.lru_cache`.
    Cached(Box<super::interpret::cached::Cached>),
    StaticMethod(Value),
    ClassMethod(Value),
    /// An object of Python's library.
    Standard(super::standard::Standard),
    /// What is iterated once: a generator, `map(…)`, `iter(…)`.
    Lazy(Lazy),
    /// A function behind `contextlib.contextmanager`.
    ContextFunction(Value),
    /// What `contextlib` makes for a `with`.
    Manager(Manager),
}

/// Something that is iterated once, and what is left of it.
#[derive(Clone, Debug)]
pub(crate) enum Lazy {
    /// A call of a generator function whose body has not begun, with its bound parameters.
    Call { function: Ref, scope: ScopeRef, receiver: Option<Value> },
    /// A generator expression with the value of its first iterable.
    Expression { comprehension: Rc<Comprehension>, first: Value, context: Box<Context> },
    /// `enumerate(source, start)`.
    Enumerate { source: Value, start: i64 },
    /// `map(function, source)`.
    Map { function: Value, source: Value },
    /// `filter(function, source)`.
    Filter { function: Value, source: Value },
    /// Values that are known, from `next` on.
    Items { items: Rc<[Value]>, next: usize },
    /// A generator between two of its values.
    Standing(Box<Standing>),
    /// A generator expression between two of its values.
    Looping(Box<Looping>),
    /// `zip(sources…)`, of iterators.
    Zip { sources: Rc<[Value]> },
    /// `itertools.islice` of an iterator: how many were taken, the position of the next that counts.
    Slice { source: Value, taken: usize, next: usize, stop: Option<usize>, stride: usize },
    /// `itertools.takewhile` of an iterator.
    TakeWhile { function: Value, source: Value },
    /// `itertools.count`.
    Count { next: i64, stride: i64 },
    /// `itertools.cycle` of values that are known.
    Cycle { items: Rc<[Value]>, next: usize },
    /// Left before its end: where it stands is not followed.
    Left,
}

/// Where a generator stands.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) function: Ref,
    pub(crate) scope: ScopeRef,
    pub(crate) receiver: Option<Value>,
    pub(crate) globals: BTreeSet<Name>,
    pub(crate) nonlocals: BTreeSet<Name>,
    /// The statements that it is in, from the outermost; none before it has begun.
    pub(crate) levels: Vec<Level>,
}

/// A statement that a generator stands in, by its number in its block.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    pub(crate) index: usize,
    pub(crate) inside: Inside,
}

/// Where in a statement.
#[derive(Clone, Debug)]
pub(crate) enum Inside {
    /// At its `yield`.
    Yielded,
    /// At a `yield from` of that iterator.
    From(Value),
    /// In that arm of an `if`.
    Arm(usize),
    /// In the body of a `for` over that iterator.
    For(Value),
    /// In the body of a `while`.
    Turn,
    /// In the `else` of a loop.
    Else,
}

/// Where a generator expression stands: its open loops, by clause, with their iterators.
#[derive(Clone, Debug)]
pub(crate) struct Looping {
    pub(crate) comprehension: Rc<Comprehension>,
    pub(crate) context: Context,
    pub(crate) scope: ScopeRef,
    pub(crate) levels: Vec<(usize, Value)>,
}

/// Where a generator expression stands.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) scope: ScopeRef,
    pub(crate) file: usize,
    pub(crate) class: Option<Ref>,
    pub(crate) receiver: Option<Value>,
}

/// A context manager of `contextlib`.
#[derive(Clone, Debug)]
pub(crate) enum Manager {
    /// The generator of a `@contextmanager` function.
    Generator(Value),
    /// `nullcontext(value)`.
    Null(Value),
    /// `closing(value)`.
    Closing(Value),
    /// `suppress(classes…)`.
    Suppress(Vec<Value>),
    /// `ExitStack()` with what it has entered.
    Stack(Vec<Value>),
}

/// A list or tuple; `at` tells where each element is written, or is empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sequence {
    pub(crate) items: Vec<Value>,
    pub(crate) at: Vec<At>,
}

/// A key of a dict.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    None,
    Int(i64),
    Str(Rc<str>),
    Tuple(Vec<Key>),
    /// Anything that is equal only to itself, in canonical text.
    Other(Rc<str>),
}

/// A dict in insertion order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dict {
    /// Each key as it is written, and its value.
    entries: IndexMap<Key, (Value, Value)>,
    /// What a missing key gives (`defaultdict`).
    pub(crate) default: Option<Box<Value>>,
    /// Of a dict that is not wholly known: the keys of which it is known what they give.
    settled: BTreeSet<Key>,
    /// Of a dict that is not wholly known: whether it has no keys but these, of which those that
    /// are not settled may be missing.
    closed: bool,
}

impl Dict {
    /// An empty dict that gives `default()` for a missing key.
    pub(crate) fn with_default(default: Option<Box<Value>>) -> Self {
        Self { default, ..Self::default() }
    }

    /// An empty `collections.Counter`. No callable is `...`, so that no `defaultdict` looks like it.
    pub(crate) fn counter() -> Self {
        Self::with_default(Some(Box::new(Value::Ellipsis)))
    }

    /// Whether it is a `collections.Counter`.
    pub(crate) fn counts(&self) -> bool {
        matches!(self.default.as_deref(), Some(Value::Ellipsis))
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Value> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// A key as it is written, and its value.
    pub(crate) fn entry(&self, key: &Key) -> Option<(&Value, &Value)> {
        self.entries.get(key).map(|(written, value)| (written, value))
    }

    pub(crate) fn insert(&mut self, key: Key, written: Value, value: Value) {
        if self.closed {
            self.settled.insert(key.clone());
        }
        match self.entries.entry(key) {
            Entry::Occupied(mut entry) => entry.get_mut().1 = value,
            Entry::Vacant(entry) => {
                entry.insert((written, value));
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &Key) -> Option<Value> {
        self.settled.remove(key);
        self.entries.shift_remove(key).map(|(_, value)| value)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The values, in insertion order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        self.entries.values().map(|(_, value)| value)
    }

    /// The keys of which it is known what they give, though more of the dict is not.
    pub(crate) fn settled_keys(&self) -> Vec<Key> {
        self.settled.iter().cloned().collect()
    }

    pub(crate) fn is_settled(&self, key: &Key) -> bool {
        self.settled.contains(key)
    }

    /// From here on it is known what a key of the dict gives.
    pub(crate) fn settle(&mut self, key: &Key, value: Value) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.1 = value;
            self.settled.insert(key.clone());
        }
    }

    pub(crate) fn settle_all(&mut self) {
        self.settled = self.entries.keys().cloned().collect();
    }

    /// From here on it is not known of any key.
    pub(crate) fn unsettle(&mut self) {
        self.settled.clear();
        self.closed = false;
    }

    /// From here on more keys may be added that may be missing; of those that there are it is
    /// known what they give.
    pub(crate) fn close(&mut self) {
        if !self.closed {
            self.settle_all();
            self.closed = true;
        }
    }

    /// Closes a dict that is wholly known, whatever was noted of it before.
    pub(crate) fn renew(&mut self) {
        self.settle_all();
        self.closed = true;
    }

    /// Closes the dict; of the keys that there are, those are settled.
    pub(crate) fn close_with(&mut self, settled: &[Key]) {
        self.closed = true;
        self.settled = settled.iter().cloned().collect();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Adds a key of a closed dict that may be missing, with what it gives where it is there.
    pub(crate) fn insert_maybe(&mut self, key: &Key, written: Value, value: Value) {
        let settled = self.settled.contains(key);
        self.insert(key.clone(), written, value);
        if !settled {
            self.settled.remove(key);
        }
    }

    /// Every key, as it is written, and whether it is there for certain and gives what it gives;
    /// in insertion order.
    pub(crate) fn written(&self) -> Vec<(Key, Value, bool)> {
        let one =
            |(key, (written, _)): (&Key, &(Value, Value))| (key.clone(), written.clone(), self.settled.contains(key));
        self.entries.iter().map(one).collect()
    }

    /// Whether another dict has the same keys in the same order, and gives the same for others.
    pub(crate) fn same_keys(&self, other: &Self) -> bool {
        self.default.is_none() && other.default.is_none() && self.entries.keys().eq(other.entries.keys())
    }

    /// Keys and values in insertion order.
    pub(crate) fn pairs(&self) -> Vec<(Value, Value)> {
        self.entries.values().cloned().collect()
    }
}

/// A function of the tree.
#[derive(Clone, Debug)]
pub(crate) struct FunctionObject {
    pub(crate) def: Rc<Function>,
    /// The scope that the definition stands in.
    pub(crate) scope: ScopeRef,
    /// By parameter.
    pub(crate) defaults: Vec<Option<Value>>,
    pub(crate) file: usize,
    /// The class whose body it stands in.
    pub(crate) class: Option<Ref>,
    /// The name of what it wraps (`functools.wraps`).
    pub(crate) wraps: Option<Name>,
    /// What it wraps: `inspect.signature` shows the parameters of that, and its annotations.
    pub(crate) wrapped: Option<Value>,
    /// What was set on it by the name of an attribute.
    pub(crate) attributes: BTreeMap<Name, Value>,
}

impl FunctionObject {
    /// `function.__name__`.
    pub(crate) fn name(&self) -> &Name {
        self.wraps.as_ref().unwrap_or(&self.def.name)
    }
}

/// A class of the tree.
#[derive(Clone, Debug)]
pub(crate) struct ClassObject {
    pub(crate) name: Name,
    /// With the classes and functions that it stands in.
    pub(crate) qualified: Rc<str>,
    /// Module and name.
    pub(crate) path: Rc<str>,
    /// The class itself first, then its bases in resolution order, outside ones included.
    pub(crate) order: Vec<Value>,
    pub(crate) names: BTreeMap<Name, Value>,
    /// Names in the order of the body, for enums and data classes.
    pub(crate) fields: Vec<Name>,
    /// Those of them that are annotated.
    pub(crate) annotated: BTreeMap<Name, Annotation>,
    /// Set for a class behind `@dataclass`.
    pub(crate) dataclass: Option<DataClass>,
    /// Set for an enumeration that has members.
    pub(crate) members: Option<Members>,
    /// Its definition, and the scope that this stands in.
    pub(crate) body: Option<(Rc<Class>, ScopeRef)>,
}

/// What an annotation in the body of a class is to a data class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Annotation {
    Field,
    /// `InitVar`: a parameter that `__post_init__` is given.
    InitOnly,
    /// `_: KW_ONLY`: the fields behind it take no positions.
    KeywordsFollow,
}

/// The options of a data class.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DataClass {
    /// Its fields take no positions.
    pub(crate) keyword_only: bool,
    pub(crate) compared: Compared,
    pub(crate) frozen: bool,
    /// Hashed by its fields all the same.
    pub(crate) hashed: bool,
}

/// Which comparisons a data class makes of its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Compared {
    Never,
    Equality,
    Order,
}

/// The members of an enumeration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    /// By name, aliases included.
    pub(crate) all: Vec<(Name, Value)>,
    /// Set when there may be others, or some may be aliases.
    pub(crate) unsure: Option<Rc<Unknown>>,
}

impl ClassObject {
    /// A class of which nothing but the name is there yet.
    pub(crate) fn named(name: Name, path: Rc<str>) -> Self {
        let (order, names, fields, annotated) = (Vec::new(), BTreeMap::new(), Vec::new(), BTreeMap::new());
        let qualified = name.clone();
        Self { name, qualified, path, order, names, fields, annotated, dataclass: None, members: None, body: None }
    }
}

/// An instance of a class of the tree.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) class: Ref,
    pub(crate) attributes: BTreeMap<Name, Value>,
    /// Its `__dict__`, where that was asked for or replaced: a dict.
    pub(crate) dict: Option<Ref>,
    /// What it is for the host.
    pub(crate) host: Option<HostRef>,
    /// What it is as an instance of a built-in type: the text of a member of `class X(str, Enum)`,
    /// the tuple of a named tuple.
    pub(crate) held: Option<Value>,
}

impl Instance {
    /// An instance without attributes.
    pub(crate) fn of(class: Ref) -> Self {
        Self { class, attributes: BTreeMap::new(), dict: None, host: None, held: None }
    }
}

/// A cell of the heap.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) object: Object,
    /// Set when what it holds depends on something that is not known.
    pub(crate) hazy: Option<Rc<Unknown>>,
}

impl Cell {
    /// From here on nothing that it holds is known.
    pub(crate) fn make_hazy(&mut self, why: Rc<Unknown>) {
        self.hazy = Some(why);
        if let Object::Dict(dict) = &mut self.object {
            dict.unsettle();
        }
    }
}

/// One argument of a call.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    pub(crate) value: Value,
    pub(crate) at: At,
}

/// The arguments of a call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Args {
    pub(crate) positional: Vec<Argument>,
    pub(crate) keywords: Vec<(Name, Argument)>,
    /// Set when a `*` or `**` argument is not known, so that there may be more.
    pub(crate) unknown: Option<Rc<Unknown>>,
    /// Where it is known what more there may be: those arguments, each of which may be missing.
    pub(crate) maybe: Option<Vec<(Name, Argument)>>,
    /// Whether there may be more by position.
    pub(crate) starred: bool,
}

impl Args {
    pub(crate) fn keyword(&self, name: &str) -> Option<&Argument> {
        self.keywords.iter().find(|(key, _)| &**key == name).map(|(_, value)| value)
    }

    /// The argument of a parameter that can be given by name or position.
    pub(crate) fn get(&self, position: usize, name: &str) -> Option<&Argument> {
        self.keyword(name).or_else(|| self.positional.get(position))
    }

    pub(crate) fn value(&self, position: usize, name: &str) -> Option<&Value> {
        self.get(position, name).map(|argument| &argument.value)
    }

    pub(crate) fn set_keyword(&mut self, name: &str, argument: Argument) {
        match self.keywords.iter_mut().find(|(key, _)| &**key == name) {
            Some(entry) => entry.1 = argument,
            None => self.keywords.push((name.into(), argument)),
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Argument> {
        let maybe = self.maybe.iter().flatten();
        self.positional.iter().chain(self.keywords.iter().chain(maybe).map(|(_, argument)| argument))
    }

    /// Adds that there may be more arguments: those, or any where there are none given.
    pub(crate) fn open(&mut self, why: Rc<Unknown>, maybe: Option<Vec<(Name, Argument)>>) {
        self.maybe = match (&self.unknown, self.maybe.take(), maybe) {
            (None, _, maybe) => maybe,
            (Some(_), Some(mut one), Some(other)) => {
                one.extend(other);
                Some(one)
            }
            _ => None,
        };
        self.unknown.get_or_insert(why);
    }

    /// Adds that there may be the arguments more that there may be in another call.
    pub(crate) fn open_like(&mut self, other: &Args) {
        if let Some(why) = &other.unknown {
            self.open(why.clone(), other.maybe.clone());
            self.starred |= other.starred;
        }
    }

    pub(crate) fn positional(values: impl IntoIterator<Item = Value>, at: At) -> Self {
        let positional = values.into_iter().map(|value| Argument { value, at }).collect();
        Self { positional, ..Self::default() }
    }
}

impl Value {
    pub(crate) fn str(text: impl Into<Rc<str>>) -> Self {
        Self::Str(Text { text: text.into(), at: None, parts: None })
    }

    pub(crate) fn outside(path: impl Into<Rc<str>>) -> Self {
        Self::Outside(path.into())
    }

    /// Whether it is a text of which nothing is known but where it was made.
    pub(crate) fn unsourced(&self) -> bool {
        matches!(self, Self::Str(Text { parts: None, .. }))
    }

    pub(crate) fn as_str(&self) -> Option<&Rc<str>> {
        match self {
            Self::Str(text) => Some(&text.text),
            _ => None,
        }
    }

    pub(crate) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(i64::from(*value)),
            _ => None,
        }
    }

    pub(crate) fn outside_path(&self) -> Option<&Rc<str>> {
        match self {
            Self::Outside(path) => Some(path),
            _ => None,
        }
    }

    /// The reason, if it is not known.
    pub(crate) fn unknown(&self) -> Option<Rc<Unknown>> {
        match self {
            Self::Unknown(unknown) => Some(unknown.clone()),
            _ => None,
        }
    }
}

/// A text that stands for a value: long ones by their beginning and a hash, so that texts made of
/// texts stay small.
pub(crate) fn short(text: String) -> Rc<str> {
    /// Longer texts are for nobody to read.
    const LONG: usize = 2048;
    if text.len() <= LONG {
        return text.into();
    }
    let hash = crate::content::BlobId::of(text.as_bytes());
    let beginning: String = text.chars().take(160).collect();
    format!("{beginning}…{hash}").into()
}

impl Unknown {
    pub(crate) fn new(reason: impl Into<Rc<str>>, at: At, text: impl Into<Rc<str>>) -> Self {
        Self {
            reason: reason.into(),
            at,
            text: text.into(),
            root: None,
            affix: None,
            home: false,
            tail: None,
            hosts: Vec::new(),
        }
    }

    /// What follows the home folder's path, if the text is that path and something known.
    pub(crate) fn below_home(&self) -> Option<&Rc<str>> {
        self.affix.as_ref().filter(|_| self.home).map(|(_, rest)| rest)
    }

    pub(crate) fn value(self) -> Value {
        Value::Unknown(Rc::new(self))
    }
}

/// Why a run of the interpreter ended early.
#[derive(Clone, Debug)]
pub(crate) enum Stop {
    Raise(Rc<Raised>),
    /// A bound was reached.
    Limit(Rc<str>, At),
    /// A generator is closed by whoever iterates it: runs what is `finally`, and is caught by
    /// the loop of that number.
    Close(usize),
}

/// An exception.
#[derive(Clone, Debug)]
pub(crate) struct Raised {
    /// The class's own name.
    pub(crate) class: Name,
    /// The class itself, as far as it is known.
    pub(crate) kind: Value,
    /// The exception, where it is an object of the tree.
    pub(crate) value: Option<Value>,
    pub(crate) message: String,
    pub(crate) at: At,
    /// Whether it is certain that Python would raise it here.
    pub(crate) certain: bool,
}

/// Whether an expression names something by `wanted`, through imports not resolved; only for
/// annotations, which are not run.
pub(crate) fn last_name(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        super::syntax::ExprKind::Name(name) | super::syntax::ExprKind::Attribute(_, name) => Some(name),
        super::syntax::ExprKind::Str(text) => Some(text),
        _ => None,
    }
}
