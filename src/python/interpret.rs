//! Runs the module level of a tree's files over values that may be unknown.
//!
//! Invariants: deterministic and bounded ([`Bounds`]); a bound that is reached is a [`Stop`] with
//! a reason. Where a condition is not known every branch is run, what the branches leave
//! different becomes unknown, and the host sees [`Interp::conditions`] while it happens.

mod attribute;
mod branch;
mod builtin;
pub(crate) mod cached;
mod call;
mod certain;
mod class;
mod compare;
mod enumeration;
mod evaluate;
mod exception;
mod execute;
mod fields;
mod format;
mod held;
mod import;
mod iterate;
mod lazy;
mod library;
mod method;
mod operate;
mod own_dict;
mod pattern;
mod pydantic;
mod reason;
mod record;
mod reflect;
mod repr;
mod search;
mod special;
mod splat;
mod subscript;
mod target;
mod text;
mod with;

use super::standard::Standard;
use super::syntax::Name;
use super::tree::Tree;
pub(crate) use super::value::HostRef;
use super::value::{
    Annotation, Args, At, Cell, Key, ModuleKey, Object, Raised, Ref, ScopeRef, Sequence, Stop, Text, Unknown, Value,
};
pub(crate) use builtin::is_builtin;
pub(crate) use exception::bases_of_exception;
pub(crate) use import::{is_preferred, is_shared_namespace, is_standard};
pub(crate) use library::path::home_text;
pub(crate) use library::version::Release;
pub(crate) use record::{Around, How, Record, StepRef};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// How much work one file may cost.
pub(crate) struct Bounds {
    /// Statements and expressions.
    pub(crate) steps: usize,
    /// Turns of one loop.
    pub(crate) turns: usize,
    /// Nesting of everything: calls, statements, expressions.
    pub(crate) depth: usize,
    /// Calls within calls.
    pub(crate) calls: usize,
    /// Elements of a list, characters of a text.
    pub(crate) size: usize,
}

const BOUNDS: Bounds = Bounds { steps: 2_000_000, turns: 20_000, depth: 4_000, calls: 150, size: 1 << 20 };

/// Why a listing of a folder is no list.
const UNORDERED: &str = "the order in which the elements stand is not known";

/// Why what a folder of Python files holds is not certain.
pub(crate) const LISTED: &str = "`__pycache__` may lie beside the files that are listed";

/// Gives meaning to what is not in the tree.
///
/// A method that returns `None` leaves the matter to the interpreter, which knows Python and
/// nothing else.
pub(crate) trait Host: Sized + 'static {
    /// Whether an outside module of that name exists; `None` if that depends on what is installed.
    fn exists(&self, module: &str) -> Option<bool>;
    /// Whether an outside module has the last part of that qualified name; `None` if that is not
    /// known.
    fn offers(&self, path: &str) -> Option<bool>;
    /// The value of something outside, by its qualified name, if that is known.
    fn constant(&self, path: &str) -> Option<Value>;
    /// Whether two qualified names certainly stand for different things.
    fn differ(&self, one: &str, other: &str) -> bool;
    /// Whether a host object is an instance of a class outside, where that is known.
    fn is_a(&self, object: HostRef, class: &str) -> Option<bool>;
    /// Whether a host object has an attribute, where that is known.
    fn has(&self, object: HostRef, name: &str) -> Option<bool>;
    /// Calls something outside, by its qualified name.
    fn call(interp: &mut Interp<Self>, path: &str, args: &Args, at: At) -> Result<Option<Value>, Stop>;
    /// Calls a host object itself.
    fn call_object(interp: &mut Interp<Self>, object: HostRef, args: &Args, at: At) -> Result<Option<Value>, Stop>;
    /// Calls a method of a host object.
    fn method(
        interp: &mut Interp<Self>,
        object: HostRef,
        name: &str,
        args: &Args,
        at: At,
    ) -> Result<Option<Value>, Stop>;
    /// Reads an attribute that is no method.
    fn attribute(interp: &mut Interp<Self>, object: HostRef, name: &str, at: At) -> Result<Option<Value>, Stop>;
    /// Sets an attribute.
    fn set_attribute(interp: &mut Interp<Self>, object: HostRef, name: &str, value: &Value, at: At);
    /// `object[key]`.
    fn subscript(interp: &mut Interp<Self>, object: HostRef, key: &Value, at: At) -> Result<Option<Value>, Stop>;
    /// An operator with a host object on either side, or in a list there.
    fn binary(
        interp: &mut Interp<Self>,
        op: super::syntax::BinaryOp,
        left: &Value,
        right: &Value,
        at: At,
    ) -> Result<Option<Value>, Stop>;
    /// `with object:`; gives what `as` binds, unless that is the object itself.
    fn enter(interp: &mut Interp<Self>, object: HostRef, at: At) -> Result<Option<Value>, Stop>;
    /// The end of that `with`.
    fn exit(interp: &mut Interp<Self>, object: HostRef, at: At) -> Result<(), Stop>;
    /// The `__init__` of an outside base class, for an instance of a class of the tree.
    fn construct(interp: &mut Interp<Self>, instance: Ref, base: &str, args: &Args, at: At) -> Result<(), Stop>;
    /// Before an `__init__` of the tree runs for an instance of that class; may add arguments
    /// (`default_args`).
    fn before_construct(interp: &mut Interp<Self>, class: Ref, init: Ref, args: &mut Args, at: At) -> Result<(), Stop>;
    /// After the outermost `__init__` of such an instance.
    fn constructed(interp: &mut Interp<Self>, instance: Ref, at: At) -> Result<(), Stop>;
    /// A method that a class of the tree has from outside.
    fn class_method(interp: &mut Interp<Self>, class: Ref, name: &str, args: &Args) -> Option<Value>;
    /// A call whose callee is not known, or outside and without meaning for the host.
    fn outside_call(interp: &mut Interp<Self>, callee: &Value, args: &Args, at: At);
    /// Something that was reached through host objects is changed in a way that is not followed.
    fn touched(interp: &mut Interp<Self>, objects: &[HostRef], at: At);
    /// An attribute of something outside is replaced, for everybody.
    fn patched(interp: &mut Interp<Self>, path: &str, name: &str, at: At);
    /// The value of an expression that stands alone as a statement.
    fn stands_alone(interp: &mut Interp<Self>, value: &Value, at: At);
    /// Canonical text of a host object.
    fn text(interp: &Interp<Self>, object: HostRef) -> String;
    /// What iterating a host object gives, if that is known.
    fn iterate(interp: &mut Interp<Self>, object: HostRef, at: At) -> Result<Option<Vec<Value>>, Stop>;
}

/// A scope: a module's, a class body's or a function call's.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    pub(crate) names: BTreeMap<Name, Value>,
    pub(crate) parent: Option<ScopeRef>,
    /// Functions do not see the names of a class around them.
    pub(crate) class_body: bool,
    /// `:=` sets a name outside of a comprehension.
    pub(crate) comprehension: bool,
}

/// A call in progress, or a module being run.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) scope: ScopeRef,
    pub(crate) file: usize,
    /// For `super()`: the class that the running method belongs to, and its first argument.
    pub(crate) class: Option<Ref>,
    pub(crate) receiver: Option<Value>,
    pub(crate) globals: BTreeSet<Name>,
    pub(crate) nonlocals: BTreeSet<Name>,
    /// What it may have returned already, under a condition that is not known.
    pub(crate) returns: Vec<Value>,
    /// Names of a class body in order.
    pub(crate) fields: Vec<Name>,
    /// Those of them that are annotated.
    pub(crate) annotated: BTreeMap<Name, Annotation>,
    pub(crate) called_at: At,
}

/// How a statement ended.
#[derive(Debug, Clone)]
pub(crate) enum Flow {
    Next,
    Break,
    Continue,
    Return(Value),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loading {
    Running,
    Done,
}

#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) scope: ScopeRef,
    pub(crate) state: Loading,
}

/// Values before a branch, to go back to.
#[derive(Debug, Default)]
struct Journal {
    names: BTreeMap<(ScopeRef, Name), Option<Value>>,
    cells: BTreeMap<Ref, Cell>,
    /// Objects and scopes from these numbers on are newer: nothing else can have seen them.
    heap: usize,
    scopes: usize,
}

/// A generator that is being run, and who is given what it yields.
struct Consumer<'t, H: Host> {
    /// The number of frames with the generator's own on top.
    generator: usize,
    /// The number of frames with the consumer's own on top.
    home: usize,
    turn: lazy::Turn<'t, H>,
}

thread_local! {
    /// The room of the heap and of the scopes of the file before: so much is dear to take anew for each.
    static ROOMS: RefCell<(Vec<Cell>, Vec<Scope>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// More objects, or scopes, than this are not kept room for: few files have so many.
const ROOM_KEPT: usize = 1 << 10;

/// The interpreter of one file and of what that file imports.
pub(crate) struct Interp<'t, H: Host> {
    pub(crate) tree: &'t Tree,
    pub(crate) host: H,
    heap: Vec<Cell>,
    scopes: Vec<Scope>,
    pub(crate) modules: BTreeMap<ModuleKey, Loaded>,
    pub(crate) frames: Vec<Frame>,
    journals: Vec<Journal>,
    /// The conditions that are not known under which the current statement runs.
    maybe: Vec<Rc<Unknown>>,
    /// Those of them that hold since a `return` that may have happened.
    rest: Vec<Rc<Unknown>>,
    /// Lists whose elements are known and whose order is not.
    unordered: BTreeSet<Ref>,
    /// Data files of the tree that were read or listed.
    pub(crate) read: BTreeSet<usize>,
    /// The open `try` statements that swallow exceptions: whether something in the body may have
    /// raised, so that what follows in it is conditional.
    guards: Vec<Option<Rc<Unknown>>>,
    /// The exceptions that are being handled, for a bare `raise`.
    handling: Vec<Rc<Raised>>,
    /// Generators that are being run.
    consumers: Vec<Consumer<'t, H>>,
    /// Numbers the loops that may close a generator.
    tokens: usize,
    /// Set when there may be names that the text does not show (`exec`, changes of `sys.modules`).
    open_names: bool,
    /// Instances and classes whose attributes may have been set without being seen.
    opened: BTreeSet<Ref>,
    /// Classes with a metaclass of the tree.
    metaclasses: BTreeMap<Ref, Ref>,
    /// Functions behind `abc.abstractmethod`.
    abstracts: BTreeSet<Ref>,
    /// Names set after a `break`, `continue` or `return` that may have happened, in order.
    loose: Vec<(ScopeRef, Name)>,
    /// Which order unordered things are given, and what chance adds to them: another one each time
    /// the file is evaluated.
    pub(crate) variation: usize,
    /// Where that mattered, or may have, and why.
    pub(crate) chances: BTreeSet<(At, &'static str)>,
    /// `sys.path`, once a file is run.
    search_path: Option<Value>,
    /// The names of modules that were found in a folder that was added to it.
    imported_as: BTreeMap<usize, String>,
    steps: usize,
    depth: usize,
    /// Where values come from, while that is recorded.
    record: Option<Box<Record>>,
}

impl<H: Host> Drop for Interp<'_, H> {
    fn drop(&mut self) {
        let (mut heap, mut scopes) = (std::mem::take(&mut self.heap), std::mem::take(&mut self.scopes));
        heap.clear();
        scopes.clear();
        ROOMS.with_borrow_mut(|rooms| {
            if heap.capacity() <= ROOM_KEPT && scopes.capacity() <= ROOM_KEPT {
                *rooms = (heap, scopes);
            }
        });
    }
}

impl<'t, H: Host> Interp<'t, H> {
    pub(crate) fn new(tree: &'t Tree, host: H) -> Self {
        Self {
            tree,
            host,
            heap: ROOMS.with_borrow_mut(|rooms| std::mem::take(&mut rooms.0)),
            scopes: ROOMS.with_borrow_mut(|rooms| std::mem::take(&mut rooms.1)),
            modules: BTreeMap::new(),
            frames: Vec::new(),
            journals: Vec::new(),
            maybe: Vec::new(),
            rest: Vec::new(),
            unordered: BTreeSet::new(),
            read: BTreeSet::new(),
            guards: Vec::new(),
            handling: Vec::new(),
            consumers: Vec::new(),
            tokens: 0,
            open_names: false,
            opened: BTreeSet::new(),
            metaclasses: BTreeMap::new(),
            abstracts: BTreeSet::new(),
            loose: Vec::new(),
            variation: 0,
            chances: BTreeSet::new(),
            search_path: None,
            imported_as: BTreeMap::new(),
            steps: 0,
            depth: 0,
            record: None,
        }
    }

    /// Runs a file as a module and gives its scope.
    pub(crate) fn run_file(&mut self, file: usize) -> Result<ScopeRef, Stop> {
        let search_path = self.first_search_path();
        self.search_path = Some(search_path);
        self.load_file(file)
    }

    /// The names of a scope, in order of name.
    pub(crate) fn names(&self, scope: ScopeRef) -> &BTreeMap<Name, Value> {
        &self.scopes[scope.0].names
    }

    // --- bounds ---

    fn step(&mut self, at: At) -> Result<(), Stop> {
        self.steps += 1;
        if self.steps > BOUNDS.steps || self.heap.len() > BOUNDS.size {
            Err(self.limit("too much work to evaluate", at))
        } else {
            Ok(())
        }
    }

    /// Counts work that one step hides.
    fn work(&mut self, amount: usize, at: At) -> Result<(), Stop> {
        self.steps = self.steps.saturating_add(amount / 4);
        self.step(at)
    }

    #[expect(clippy::unused_self, reason = "reads as what the interpreter does")]
    fn limit(&self, reason: &str, at: At) -> Stop {
        Stop::Limit(reason.into(), at)
    }

    /// Counts one level of nesting while `work` runs.
    fn deeper<T>(&mut self, at: At, work: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<T, Stop> {
        if self.depth >= BOUNDS.depth {
            return Err(self.limit("nested too deeply to evaluate", at));
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    // --- places ---

    pub(crate) fn at(&self, span: crate::content::Span) -> At {
        At::new(self.frames.last().map_or(0, |frame| frame.file), span)
    }

    /// Where the running function was called.
    fn called_at(&self) -> At {
        let nowhere = self.at(crate::content::Span::FILE);
        self.frames.last().map_or(nowhere, |frame| frame.called_at)
    }

    // --- heap ---

    pub(crate) fn new_object(&mut self, object: Object) -> Value {
        Value::Object(self.heap_object(object))
    }

    /// Puts an object on the heap.
    fn heap_object(&mut self, object: Object) -> Ref {
        self.heap.push(Cell { object, hazy: None });
        Ref(self.heap.len() - 1)
    }

    pub(crate) fn new_list(&mut self, items: Vec<Value>) -> Value {
        self.new_object(Object::List(Sequence { items, at: Vec::new() }))
    }

    pub(crate) fn new_tuple(&mut self, items: Vec<Value>) -> Value {
        self.new_object(Object::Tuple(Sequence { items, at: Vec::new() }))
    }

    pub(crate) fn object(&self, object: Ref) -> &Object {
        &self.heap[object.0].object
    }

    pub(crate) fn hazy(&self, object: Ref) -> Option<Rc<Unknown>> {
        self.heap[object.0].hazy.clone()
    }

    /// The object, to be changed; what depends on a condition is noted.
    pub(crate) fn change(&mut self, object: Ref) -> &mut Object {
        self.remember_cell(object);
        let rest = self.rest.last().cloned();
        let cell = &mut self.heap[object.0];
        if let Some(why) = rest {
            let why = cell.hazy.take().unwrap_or(why);
            cell.make_hazy(why);
        }
        &mut cell.object
    }

    pub(crate) fn set_hazy(&mut self, object: Ref, why: Rc<Unknown>) {
        self.remember_cell(object);
        self.heap[object.0].make_hazy(why);
    }

    fn remember_cell(&mut self, object: Ref) {
        if let Some(journal) = self.journals.last_mut()
            && object.0 < journal.heap
            && !journal.cells.contains_key(&object)
        {
            let cell = self.heap[object.0].clone();
            self.steps = self.steps.saturating_add(match &cell.object {
                Object::List(items) => items.items.len() / 4,
                Object::Dict(dict) => dict.len() / 4,
                _ => 0,
            });
            journal.cells.insert(object, cell);
        }
    }

    /// What a value is for the host: itself, or what an instance became.
    pub(crate) fn host_of(&self, value: &Value) -> Option<HostRef> {
        match value {
            Value::Host(host) => Some(*host),
            Value::Object(object) => match self.object(*object) {
                Object::Instance(instance) => instance.host,
                _ => None,
            },
            _ => None,
        }
    }

    // --- names ---

    pub(crate) fn new_scope(&mut self, parent: Option<ScopeRef>, class_body: bool) -> ScopeRef {
        self.scopes.push(Scope { names: BTreeMap::new(), parent, class_body, comprehension: false });
        ScopeRef(self.scopes.len() - 1)
    }

    pub(crate) fn set_in(&mut self, scope: ScopeRef, name: &Name, value: Value) {
        self.remember_name(scope, name);
        self.scopes[scope.0].names.insert(name.clone(), value);
    }

    fn remember_name(&mut self, scope: ScopeRef, name: &Name) {
        if let Some(journal) = self.journals.last_mut()
            && scope.0 < journal.scopes
        {
            let old = self.scopes[scope.0].names.get(name).cloned();
            journal.names.entry((scope, name.clone())).or_insert(old);
        }
    }

    /// The conditions that are not known under which the current statement runs.
    pub(crate) fn conditions(&self) -> Vec<Rc<Unknown>> {
        self.maybe.iter().chain(self.guards.iter().flatten()).cloned().collect()
    }

    /// Whether the current statement is run for certain.
    pub(crate) fn is_certain(&self) -> bool {
        self.maybe.is_empty() && self.guards.iter().all(Option::is_none)
    }

    /// Notes that what just ran may raise for reasons outside the text.
    pub(crate) fn may_raise(&mut self, at: At) {
        if let Some(guard) = self.guards.last_mut() {
            guard.get_or_insert_with(|| Rc::new(Unknown::new("something outside the tree may raise", at, "raised")));
        }
    }

    /// The scope in which a statement of the running frame binds or deletes a name: `global` and
    /// `nonlocal` name another than the frame's own.
    pub(crate) fn scope_of_binding(&self, frame: &Frame, name: &Name) -> ScopeRef {
        let mut scope = frame.scope;
        if frame.globals.contains(name) {
            while let Some(parent) = self.scopes[scope.0].parent {
                scope = parent;
            }
        } else if frame.nonlocals.contains(name) {
            let mut outer = self.scopes[scope.0].parent;
            while let Some(candidate) = outer {
                if self.scopes[candidate.0].names.contains_key(name) {
                    return candidate;
                }
                outer = self.scopes[candidate.0].parent;
            }
        }
        scope
    }

    pub(crate) fn set_name(&mut self, name: &Name, value: Value) {
        let Some(frame) = self.frames.last() else { return };
        let (own, scope) = (frame.scope, self.scope_of_binding(frame, name));
        let outer = own != scope;
        if !outer
            && self.scopes[scope.0].class_body
            && let Some(frame) = self.frames.last_mut()
            && !frame.fields.contains(name)
        {
            frame.fields.push(name.clone());
        }
        let value = match self.rest.last().cloned() {
            Some(why) if outer => self.merge(&[self.scopes[scope.0].names.get(name).cloned(), Some(value)], &why),
            _ => value,
        };
        if !self.rest.is_empty() && self.loose.last().is_none_or(|(at, last)| *at != scope || last != name) {
            self.loose.push((scope, name.clone()));
        }
        self.set_in(scope, name, value);
        self.record_name(scope, name);
    }

    /// `name := value`, which a comprehension leaves to what stands around it.
    pub(crate) fn set_walrus(&mut self, name: &Name, value: Value) {
        let Some(inner) = self.frames.last().map(|frame| frame.scope) else { return };
        let mut scope = inner;
        while self.scopes[scope.0].comprehension {
            match self.scopes[scope.0].parent {
                Some(parent) => scope = parent,
                None => break,
            }
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.scope = scope;
        }
        self.set_name(name, value);
        if let Some(frame) = self.frames.last_mut() {
            frame.scope = inner;
        }
    }

    pub(crate) fn lookup(&self, name: &str) -> Option<Value> {
        self.find_name(self.frames.last()?.scope, name)
    }

    /// What code in that scope finds under a name, if it is no built-in one.
    pub(crate) fn find_name(&self, scope: ScopeRef, name: &str) -> Option<Value> {
        let mut scope = Some(scope);
        let mut first = true;
        while let Some(current) = scope {
            let current = &self.scopes[current.0];
            if (first || !current.class_body)
                && let Some(value) = current.names.get(name)
            {
                return Some(value.clone());
            }
            first = false;
            scope = current.parent;
        }
        None
    }

    /// What a function that is defined in that scope finds under a name in the functions around it,
    /// before its module.
    pub(crate) fn of_function_around(&self, scope: ScopeRef, name: &str) -> Option<&Value> {
        let mut current = &self.scopes[scope.0];
        while let Some(parent) = current.parent {
            if let Some(value) = current.names.get(name).filter(|_| !current.class_body) {
                return Some(value);
            }
            current = &self.scopes[parent.0];
        }
        None
    }

    /// Whether that scope is a module's.
    pub(crate) fn is_module(&self, scope: ScopeRef) -> bool {
        self.scopes[scope.0].parent.is_none()
    }

    /// The scope of the running module.
    pub(crate) fn module_scope(&self) -> Option<ScopeRef> {
        let mut scope = self.frames.last()?.scope;
        while let Some(parent) = self.scopes[scope.0].parent {
            scope = parent;
        }
        Some(scope)
    }

    // --- values ---

    pub(crate) fn key(&self, value: &Value) -> Option<Key> {
        self.key_within(value, 8)
    }

    fn key_within(&self, value: &Value, depth: usize) -> Option<Key> {
        Some(match value {
            Value::None => Key::None,
            Value::Bool(value) => Key::Int(i64::from(*value)),
            Value::Int(value) => Key::Int(*value),
            Value::Str(text) => Key::Str(text.text.clone()),
            #[expect(clippy::cast_possible_truncation, reason = "a whole number within a safe range")]
            Value::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => Key::Int(*value as i64),
            Value::Unknown(unknown) if unknown.below_home().is_some() => Key::Other(unknown.text.clone()),
            Value::Unknown(_) | Value::OneOf(_) => return None,
            Value::Object(object) => match self.object(*object) {
                Object::Tuple(items) if depth > 0 => {
                    let keys: Option<_> = items.items.iter().map(|item| self.key_within(item, depth - 1)).collect();
                    Key::Tuple(keys?)
                }
                Object::Standard(standard) => Key::Other(standard.text().into()),
                Object::Instance(_) => return self.instance_key(*object, depth),
                _ => Key::Other(format!("object {}", object.0).into()),
            },
            other => Key::Other(self.text(other).into()),
        })
    }

    /// Whether both are the same as far as can be seen.
    pub(crate) fn same(&self, a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Object(a), Value::Object(b)) => a == b,
            (Value::Host(a), Value::Host(b)) => a == b,
            (Value::Unknown(a), Value::Unknown(b)) => Rc::ptr_eq(a, b) || a.text == b.text && a.at == b.at,
            (Value::Object(_) | Value::Host(_) | Value::Unknown(_), _)
            | (_, Value::Object(_) | Value::Host(_) | Value::Unknown(_)) => false,
            _ => self.text(a) == self.text(b),
        }
    }

    pub(crate) fn text_value(text: impl Into<Rc<str>>, at: At) -> Value {
        Value::Str(Text { text: text.into(), at: Some(at), parts: None })
    }

    /// A text that was made of others at a place.
    fn made_of(value: Value, of: &[Value], at: At) -> Value {
        /// Of more, no single one decides anything.
        const PARTS: usize = 8;
        let Value::Str(mut text) = value else { return value };
        let sources =
            of.iter().filter_map(|part| if let Value::Str(part) = part { Some(part.sources()) } else { None });
        let parts: Vec<At> = sources.flatten().copied().filter(|part| !part.is_within(at)).take(PARTS).collect();
        if !parts.is_empty() {
            text.parts = Some(Rc::new(parts));
        }
        Value::Str(text)
    }

    /// A list of these in an order that is not known; of one and of none the order is.
    pub(crate) fn new_unordered(&mut self, items: Vec<Value>, at: At) -> Value {
        let ordered = items.len() < 2;
        let list = self.new_list(items);
        if let (Value::Object(object), false) = (&list, ordered) {
            self.set_unordered(*object, at);
        }
        list
    }

    /// Marks a list whose elements are known and whose order is not.
    fn set_unordered(&mut self, object: Ref, at: At) {
        let why = Unknown::new(UNORDERED, at, format!("order {}", object.0));
        self.set_hazy(object, Rc::new(why));
        self.unordered.insert(object);
    }

    /// The elements of a list of which only the order is not known.
    fn unordered_items(&self, value: &Value) -> Option<Vec<Value>> {
        let Value::Object(object) = value else { return None };
        let marked = self.unordered.contains(object) && self.hazy(*object)?.reason.as_ref() == UNORDERED;
        match self.object(*object) {
            Object::List(items) if marked => Some(items.items.clone()),
            _ => None,
        }
    }

    /// An object of Python's library.
    pub(crate) fn standard(&self, value: &Value) -> Option<&Standard> {
        let Value::Object(object) = value else { return None };
        match self.object(*object) {
            Object::Standard(standard) => Some(standard),
            _ => None,
        }
    }

    /// Raises an exception of Python's own, or of Airflow's by its name.
    pub(crate) fn raise<T>(&self, class: &str, message: impl Into<String>, at: At) -> Result<T, Stop> {
        let module = exception::module(class);
        Err(Stop::Raise(Rc::new(Raised {
            class: class.into(),
            kind: Value::outside(format!("{module}.{class}")),
            value: None,
            message: message.into(),
            at,
            certain: self.is_certain(),
        })))
    }

    /// The items of a list, tuple or set whose content is known.
    pub(crate) fn items(&self, value: &Value) -> Option<&[Value]> {
        let Value::Object(object) = value else { return None };
        if self.heap[object.0].hazy.is_some() {
            return None;
        }
        match self.object(*object) {
            Object::List(items) | Object::Tuple(items) => Some(&items.items),
            Object::Set(items) => Some(items),
            Object::Instance(_) => match self.held(value)? {
                held @ Value::Object(inner) if inner.0 != object.0 => self.items(held),
                _ => None,
            },
            _ => None,
        }
    }
}
