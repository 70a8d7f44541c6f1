//! What Python certainly refuses: an operator, an attribute, a subscript or a call that the types
//! of known values do not have.
//!
//! Invariant: only values that are wholly known and Python's own, and instances of classes whose
//! every base is in the tree; anything else may have what is asked for.

use super::{Host, Interp, ScopeRef};
use crate::python::syntax::{BinaryOp, CompareOp, Name};
use crate::python::value::{Args, At, Object, Ref, Stop, Value};
use std::collections::BTreeSet;

/// A type of Python's own, as operators see it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    Int,
    Float,
    Str,
    Bytes,
    List,
    Tuple,
    Dict,
    Set,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::None => "NoneType",
            Self::Int => "int",
            Self::Float => "float",
            Self::Str => "str",
            Self::Bytes => "bytes",
            Self::List => "list",
            Self::Tuple => "tuple",
            Self::Dict => "dict",
            Self::Set => "set",
        }
    }

    const fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Float)
    }

    /// Whether values of other types of the library are never held as this.
    const fn is_plain(self) -> bool {
        matches!(self, Self::None | Self::Int | Self::Float | Self::Str | Self::Bytes)
    }
}

/// Attributes of numbers, and what members of enumerations add.
const NUMBER: &str = " real imag numerator denominator conjugate bit_length bit_count to_bytes from_bytes \
as_integer_ratio is_integer fromhex hex name value ";

/// Attributes of texts and bytes (Python 3.8 to 3.14), and what members of enumerations add.
const TEXT: &str = " capitalize casefold center count decode encode endswith expandtabs find format format_map fromhex hex \
index isalnum isalpha isascii isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join \
ljust lower lstrip maketrans partition removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip \
split splitlines startswith strip swapcase title translate upper zfill name value ";

/// Attributes of lists and dicts and of what else is held as one: `deque`, `Counter`,
/// `OrderedDict`, `defaultdict`, and the views of a dict.
const CONTAINER: &str = " append appendleft clear copy count default_factory elements extend extendleft fromkeys get index \
insert isdisjoint items keys mapping maps maxlen most_common move_to_end new_child parents pop popitem popleft remove reverse rotate setdefault \
sort subtract total update values union difference intersection symmetric_difference issubset issuperset add discard \
difference_update intersection_update symmetric_difference_update fieldnames line_num dialect close send throw ";

fn listed(names: &str, name: &str) -> bool {
    names.contains(&format!(" {name} "))
}

impl<H: Host> Interp<'_, H> {
    fn kind(&self, value: &Value) -> Option<Kind> {
        Some(match value {
            Value::None => Kind::None,
            Value::Bool(_) | Value::Int(_) => Kind::Int,
            Value::Float(_) => Kind::Float,
            Value::Str(_) => Kind::Str,
            Value::Bytes(_) => Kind::Bytes,
            Value::Object(object) if self.hazy(*object).is_none() => match self.object(*object) {
                Object::List(_) => Kind::List,
                Object::Tuple(_) => Kind::Tuple,
                Object::Dict(dict) if dict.counts() => return None,
                Object::Dict(_) => Kind::Dict,
                Object::Set(_) => Kind::Set,
                _ => return None,
            },
            _ => return None,
        })
    }

    /// Raises where the operator is none of these two types', or divides by nothing.
    pub(super) fn refuse_binary(&self, op: BinaryOp, left: &Value, right: &Value, at: At) -> Result<(), Stop> {
        let (Some(a), Some(b)) = (self.kind(left), self.kind(right)) else { return Ok(()) };
        let numbers = a.is_number() && b.is_number();
        let zero = match right {
            Value::Float(value) => *value == 0.0,
            other => other.as_int() == Some(0),
        };
        if numbers && zero && matches!(op, BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Mod) {
            return self.raise("ZeroDivisionError", "division by zero", at);
        }
        if !a.is_plain() && !b.is_plain() {
            return Ok(());
        }
        let repeats =
            |a: Kind, b: Kind| a == Kind::Int && matches!(b, Kind::Str | Kind::Bytes | Kind::List | Kind::Tuple);
        let (fits, sign) = match op {
            BinaryOp::Add => (numbers || a == b && a != Kind::None, "+"),
            BinaryOp::Sub => (numbers, "-"),
            BinaryOp::Mul => (numbers || repeats(a, b) || repeats(b, a), "*"),
            BinaryOp::Div => (numbers, "/"),
            BinaryOp::FloorDiv => (numbers, "//"),
            BinaryOp::Mod => (numbers || matches!(a, Kind::Str | Kind::Bytes), "%"),
            _ => return Ok(()),
        };
        if fits {
            return Ok(());
        }
        let (a, b) = (a.name(), b.name());
        self.raise("TypeError", format!("unsupported operand type(s) for {sign}: '{a}' and '{b}'"), at)
    }

    /// Whether a value is wholly known and neither a sequence nor a mapping.
    pub(super) fn is_scalar(&self, value: &Value) -> bool {
        self.kind(value).is_some_and(Kind::is_plain)
    }

    /// Raises where a `%` conversion for numbers (`%d`, `%x`, `%f`) is given something else.
    pub(super) fn refuse_as_number(&self, item: &Value, conversion: char, at: At) -> Result<(), Stop> {
        match self.kind(item) {
            Some(kind) if !kind.is_number() => {
                let (wanted, got) = ("a real number is required", kind.name());
                self.raise("TypeError", format!("%{conversion} format: {wanted}, not {got}"), at)
            }
            _ => Ok(()),
        }
    }

    /// Raises where a call that has a `**` gives a keyword argument twice.
    pub(super) fn refuse_twice(&self, args: &Args, at: At) -> Result<(), Stop> {
        if args.unknown.is_some() {
            return Ok(());
        }
        let mut seen = BTreeSet::new();
        match args.keywords.iter().map(|(name, _)| name).find(|name| !seen.insert(*name)) {
            Some(name) => self.raise("TypeError", format!("got multiple values for keyword argument '{name}'"), at),
            None => Ok(()),
        }
    }

    /// Raises where `del` names nothing.
    pub(super) fn refuse_delete(&self, scope: ScopeRef, name: &Name, at: At) -> Result<(), Stop> {
        if self.names(scope).contains_key(name) || self.may_have_unseen_names(name) {
            return Ok(());
        }
        self.raise("NameError", format!("name '{name}' is not defined"), at)
    }

    /// Raises where two types have no order, or the one on the right holds nothing.
    pub(super) fn refuse_comparison(&self, op: CompareOp, left: &Value, right: &Value, at: At) -> Result<(), Stop> {
        let (Some(a), Some(b)) = (self.kind(left), self.kind(right)) else { return Ok(()) };
        match op {
            CompareOp::Less | CompareOp::LessEq | CompareOp::Greater | CompareOp::GreaterEq => {
                let ordered = a == b && a != Kind::None || a.is_number() && b.is_number();
                if !ordered && (a.is_plain() || b.is_plain()) {
                    let (a, b) = (a.name(), b.name());
                    return self.raise("TypeError", format!("no order between '{a}' and '{b}'"), at);
                }
            }
            CompareOp::In | CompareOp::NotIn if b == Kind::None || b.is_number() => {
                return self.raise("TypeError", format!("argument of type '{}' is not iterable", b.name()), at);
            }
            CompareOp::In | CompareOp::NotIn if b == Kind::Str && a != Kind::Str => {
                let a = a.name();
                return self.raise("TypeError", format!("'in <string>' requires string as left operand, not {a}"), at);
            }
            _ => {}
        }
        Ok(())
    }

    /// Raises where a value certainly does not have an attribute.
    pub(super) fn refuse_attribute(&self, object: &Value, name: &Name, at: At) -> Result<(), Stop> {
        match self.without_attribute(object, name) {
            Some(owner) => self.raise("AttributeError", format!("'{owner}' object has no attribute '{name}'"), at),
            None => Ok(()),
        }
    }

    /// The name of a value's type, where the value certainly does not have an attribute.
    pub(super) fn without_attribute(&self, object: &Value, name: &Name) -> Option<String> {
        if name.starts_with("__") {
            return None;
        }
        match (self.kind(object), object) {
            (Some(kind), _) => {
                let lacks = match kind {
                    Kind::None => true,
                    Kind::Int | Kind::Float => !listed(NUMBER, name),
                    Kind::Str | Kind::Bytes => !listed(TEXT, name),
                    Kind::List | Kind::Dict => !listed(CONTAINER, name),
                    // It may be one with names (`time.struct_time`), or one that is frozen.
                    Kind::Tuple | Kind::Set => false,
                };
                lacks.then(|| kind.name().to_owned())
            }
            (None, Value::Object(reference)) => self.lacking_instance(*reference, name),
            _ => None,
        }
    }

    /// The class's name, where an instance certainly does not have an attribute.
    fn lacking_instance(&self, reference: Ref, name: &Name) -> Option<String> {
        let Object::Instance(instance) = self.object(reference) else { return None };
        let open = |object: &Ref| self.opened.contains(object) || self.hazy(*object).is_some();
        // `_Class__name` is what a class calls `__name`.
        let mangled = name.starts_with('_') && name.contains("__");
        if instance.host.is_some() || open(&reference) || mangled || instance.attributes.contains_key(name) {
            return None;
        }
        let Object::Class(class) = self.object(instance.class) else { return None };
        let opened = class.order.iter().any(|entry| matches!(entry, Value::Object(class) if open(class)));
        let may_have = [&**name, "__getattr__", "__getattribute__"]
            .iter()
            .any(|name| self.find_in_class(instance.class, name, None).is_some());
        (!opened && !may_have).then(|| class.name.to_string())
    }

    /// Raises where a value has no elements, or none by such an index.
    pub(super) fn refuse_subscript(&self, object: &Value, index: &Value, at: At) -> Result<(), Stop> {
        let Some(kind) = self.kind(object) else { return Ok(()) };
        let name = kind.name();
        match kind {
            Kind::None | Kind::Int | Kind::Float | Kind::Set => {
                self.raise("TypeError", format!("'{name}' object is not subscriptable"), at)
            }
            Kind::Str | Kind::Bytes | Kind::List | Kind::Tuple => match self.kind(index) {
                None | Some(Kind::Int) => Ok(()),
                Some(index) => {
                    let index = index.name();
                    self.raise("TypeError", format!("{name} indices must be integers or slices, not {index}"), at)
                }
            },
            Kind::Dict => Ok(()),
        }
    }

    /// Raises where a value certainly cannot be called.
    pub(super) fn refuse_call(&self, callee: &Value, at: At) -> Result<(), Stop> {
        match self.kind(callee) {
            Some(kind) => self.raise("TypeError", format!("'{}' object is not callable", kind.name()), at),
            None => Ok(()),
        }
    }

    /// Raises where a value certainly has no length.
    pub(super) fn refuse_length(&self, value: &Value, at: At) -> Result<(), Stop> {
        match self.kind(value) {
            Some(kind @ (Kind::None | Kind::Int | Kind::Float)) => {
                self.raise("TypeError", format!("object of type '{}' has no len()", kind.name()), at)
            }
            _ => Ok(()),
        }
    }

    /// Notes the instances in arguments that something outside the tree is given: it may set
    /// attributes of theirs.
    pub(super) fn hand_out(&mut self, args: &Args) {
        let values: Vec<Value> = args.all().map(|argument| argument.value.clone()).collect();
        for value in &values {
            self.open_instances(value, 4);
        }
    }

    /// Attributes of the instances in a value may be set without being seen.
    pub(super) fn open_instances(&mut self, value: &Value, depth: usize) {
        let Value::Object(reference) = value else { return };
        if depth == 0 {
            return;
        }
        let inner: Vec<Value> = match self.object(*reference) {
            Object::Instance(_) | Object::Class(_) => {
                self.opened.insert(*reference);
                return;
            }
            Object::List(items) | Object::Tuple(items) => items.items.clone(),
            Object::Bound { receiver, .. } | Object::Method { receiver, .. } | Object::Super { receiver, .. } => {
                vec![receiver.clone()]
            }
            _ => return,
        };
        for value in &inner {
            self.open_instances(value, depth - 1);
        }
    }
}
