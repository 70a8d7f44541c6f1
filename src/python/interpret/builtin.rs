//! Built-in functions.

mod number;

use super::{BOUNDS, Host, Interp};
use crate::python::standard::Standard;
use crate::python::syntax::CompareOp;
use crate::python::value::{Args, At, Dict, Lazy, Object, Ref, Stop, Unknown, Value};
use std::cmp::Ordering;

const NAMES: &str = " ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup BlockingIOError \
BrokenPipeError BufferError BytesWarning ChildProcessError ConnectionAbortedError ConnectionError ConnectionRefusedError \
ConnectionResetError DeprecationWarning EOFError Ellipsis EncodingWarning EnvironmentError Exception ExceptionGroup \
FileExistsError FileNotFoundError FloatingPointError FutureWarning GeneratorExit IOError ImportError ImportWarning \
IndentationError IndexError InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError \
ModuleNotFoundError NameError NotADirectoryError NotImplemented NotImplementedError OSError OverflowError \
PendingDeprecationWarning PermissionError ProcessLookupError PythonFinalizationError RecursionError ReferenceError \
ResourceWarning RuntimeError RuntimeWarning StopAsyncIteration StopIteration SyntaxError SyntaxWarning SystemError \
SystemExit TabError TimeoutError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError \
UnicodeTranslateError UnicodeWarning UserWarning ValueError Warning ZeroDivisionError __build_class__ __debug__ \
__import__ abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile complex \
copyright credits delattr dict dir divmod enumerate eval exec exit filter float format frozenset getattr globals \
hasattr hash help hex id input int isinstance issubclass iter len license list locals map max memoryview min next object \
oct open ord pow print property quit range repr reversed round set setattr slice sorted staticmethod str sum super tuple \
type vars zip ";

/// The special method that a function asks for.
fn converting_method(function: &str) -> Option<&'static str> {
    Some(match function {
        "int" => "__int__",
        "float" => "__float__",
        "abs" => "__abs__",
        "round" => "__round__",
        "hash" => "__hash__",
        _ => return None,
    })
}

/// Whether a name is that of a built-in function, class or exception.
pub(crate) fn is_builtin(name: &str) -> bool {
    !name.is_empty() && NAMES.contains(&format!(" {name} "))
}

impl<H: Host> Interp<'_, H> {
    /// Calls a built-in function; `None` if the result is not known.
    pub(super) fn call_builtin(&mut self, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        if args.unknown.is_some() {
            return Ok(None);
        }
        if args.positional.iter().any(|arg| self.plain_class(&arg.value).is_some()) {
            return self.call_builtin_on_instances(name, args, at);
        }
        self.call_builtin_plainly(name, args, at)
    }

    /// Where a class of the tree may say what the function gives.
    fn call_builtin_on_instances(&mut self, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        if let Some(value) = args.positional.first().map(|arg| &arg.value)
            && let Some(method) = converting_method(name)
            && let Some(made) = self.special(value, method, Vec::new(), at)?
        {
            return Ok(Some(made));
        }
        if !matches!(name, "range" | "int" | "float" | "abs" | "round" | "hex" | "pow" | "chr" | "ord" | "enumerate") {
            return self.call_builtin_plainly(name, args, at);
        }
        let mut args = self.plain_args(args);
        if name == "range" {
            for argument in &mut args.positional {
                argument.value = self.index_of(&argument.value, at)?;
            }
        }
        self.call_builtin_plainly(name, &args, at)
    }

    fn call_builtin_plainly(&mut self, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let first = args.positional.first().map(|arg| arg.value.clone());
        let second = args.positional.get(1).map(|arg| arg.value.clone());
        Ok(match (name, first, second) {
            ("range", Some(first), second) => self.range(&first, second.as_ref(), args, at)?,
            ("len", Some(value), _) => {
                if let Some(length) = self.own_length(&value, at)? {
                    return Ok(Some(length));
                }
                self.refuse_length(&value, at)?;
                let value = self.plain(&value);
                self.length(&value)
            }
            ("str", Some(value), _) => Some(self.str_of(&value, at)?),
            ("str", None, _) => Some(Self::text_value("", at)),
            ("bool", Some(value), _) => {
                let value = self.condition(&value, at)?;
                self.truth(&value, at).ok().map(Value::Bool)
            }
            ("bool", None, _) => Some(Value::Bool(false)),
            (
                "list" | "tuple" | "set" | "frozenset" | "iter" | "reversed" | "sorted" | "sum" | "any" | "all",
                first,
                _,
            ) => self.over_items(name, first, args, at)?,
            ("min" | "max", Some(value), second) => self.extreme(name, &value, second.as_ref(), args, at)?,
            ("zip", ..) => self.zip(args, at)?,
            ("map", Some(function), Some(source)) if args.positional.len() == 2 => {
                Some(self.new_object(Object::Lazy(Lazy::Map { function, source })))
            }
            ("map", Some(function), Some(_)) => self.map_many(&function, args, at)?,
            ("filter", Some(function), Some(source)) => {
                Some(self.new_object(Object::Lazy(Lazy::Filter { function, source })))
            }
            ("enumerate", Some(source), _) => {
                let start = args.value(1, "start").map_or(Some(0), Value::as_int);
                start.map(|start| self.new_object(Object::Lazy(Lazy::Enumerate { source, start })))
            }
            ("next", Some(value), default) => return self.next_value(&value, default, at),
            ("dict", ..) => self.dict(args, at)?,
            (
                "int" | "float" | "abs" | "round" | "hex" | "oct" | "bin" | "pow" | "repr" | "ascii" | "format" | "chr"
                | "ord" | "bytes",
                Some(first),
                second,
            ) => self.number_builtin(name, &first, second.as_ref(), args, at)?,
            ("int", None, None) => Some(Value::Int(0)),
            ("float", None, None) => Some(Value::Float(0.0)),
            ("str.maketrans", ..) => self.make_translation(args),
            ("dict.fromkeys", Some(keys), value) => self.dict_of_keys(&keys, &value.unwrap_or(Value::None), at)?,
            (
                "str.join" | "str.upper" | "str.lower" | "str.strip" | "str.title" | "str.capitalize" | "str.split"
                | "str.replace" | "str.format",
                Some(text @ Value::Str(_)),
                _,
            ) => {
                let mut rest = args.clone();
                rest.positional.remove(0);
                let method = name.strip_prefix("str.").unwrap_or(name);
                Some(self.call_method(&text, method, &rest, at)?)
            }
            ("exit" | "quit", first, _) => {
                let message = first.map_or_else(String::new, |code| self.text(&code));
                return self.raise("SystemExit", message, at);
            }
            ("print", ..) => Some(Value::None),
            ("open", Some(path), _) => match self.path_of(&path) {
                Some(path) => self.open(&path, args, 1, at),
                None => None,
            },
            ("object.__setattr__", Some(object), Some(Value::Str(name))) => {
                let Some(value) = args.positional.get(2).map(|arg| arg.value.clone()) else { return Ok(None) };
                self.set_own_attribute(&object, &name.text, value, at)?;
                Some(Value::None)
            }
            ("object.__new__", Some(class), None) => self.bare_instance(Some(&class)),
            ("property", Some(get), set) if args.positional.len() <= 2 && args.keywords.is_empty() => {
                Some(self.new_object(Object::Property { get, set: set.map(Box::new), delete: None }))
            }
            ("object", None, _) => Some(self.unknown_from(&[], "object", at)),
            ("divmod", Some(a), Some(b)) => {
                let quotient = self.binary(crate::python::syntax::BinaryOp::FloorDiv, &a, &b, at)?;
                let rest = self.binary(crate::python::syntax::BinaryOp::Mod, &a, &b, at)?;
                Some(self.new_tuple(vec![quotient, rest]))
            }
            ("__import__", Some(Value::Str(module)), _) => Some(self.import_module(&module.text.clone(), at)?),
            ("exec" | "eval" | "compile", ..) => {
                self.open_names = true;
                let why = Unknown::new(format!("`{name}` runs text as code"), at, name);
                H::outside_call(self, &why.clone().value(), args, at);
                Some(why.value())
            }
            _ => None,
        })
    }

    fn range(&mut self, first: &Value, second: Option<&Value>, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let Some(a) = first.as_int() else { return Ok(None) };
        let (start, stop) = match second {
            Some(second) => match second.as_int() {
                Some(b) => (a, b),
                None => return Ok(None),
            },
            None => (0, a),
        };
        let stride = match args.positional.get(2) {
            Some(given) => match given.value.as_int() {
                Some(stride) if stride != 0 => stride,
                _ => return Ok(None),
            },
            None => 1,
        };
        let mut items = Vec::new();
        let mut value = start;
        while if stride > 0 { value < stop } else { value > stop } {
            if items.len() > BOUNDS.size {
                return Err(self.limit("a range too long to evaluate", at));
            }
            items.push(Value::Int(value));
            value = value.saturating_add(stride);
        }
        Ok(Some(self.new_list(items)))
    }

    fn length(&self, value: &Value) -> Option<Value> {
        let length = match value {
            Value::Str(text) => text.text.chars().count(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Object(object) if matches!(self.object(*object), Object::Class(_)) => {
                self.enum_members(*object)?.ok()?.len()
            }
            _ => match self.items(value).map(<[Value]>::len).or_else(|| Some(self.unordered_items(value)?.len())) {
                Some(length) => length,
                None => self.dict_pairs(value)?.len(),
            },
        };
        i64::try_from(length).ok().map(Value::Int)
    }

    fn over_items(&mut self, name: &str, first: Option<Value>, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let Some(value) = first else {
            return Ok(Some(match name {
                "tuple" => self.new_tuple(Vec::new()),
                "set" | "frozenset" => self.new_set(Vec::new()),
                _ => self.new_list(Vec::new()),
            }));
        };
        if name == "reversed"
            && let Some(items) = self.special(&value, "__reversed__", Vec::new(), at)?
        {
            return Ok(Some(items));
        }
        if name == "iter"
            && let Some(items) = self.special(&value, "__iter__", Vec::new(), at)?
        {
            return Ok(Some(items));
        }
        let items = match self.iterate(&value, at)? {
            Ok(items) => items,
            Err((why, _)) if name == "list" || name == "tuple" => {
                let mut why = Unknown::clone(&why);
                why.hosts = self.hosts_in(&value);
                return Ok(Some(why.value()));
            }
            Err(_) => return Ok(None),
        };
        Ok(match name {
            "list" => Some(self.copy_list(&value, items, false)),
            "iter" => Some(match &value {
                Value::Object(object) if matches!(self.object(*object), Object::Lazy(_)) => value,
                _ => self.iterator(items),
            }),
            "tuple" => Some(self.copy_list(&value, items, true)),
            "set" | "frozenset" => Some(self.new_set(items)),
            "reversed" => Some(self.iterator(items.into_iter().rev().collect())),
            "sorted" => self.sorted(items, args, at)?,
            "sum" => {
                let mut total = args.value(1, "start").cloned().unwrap_or(Value::Int(0));
                for item in items {
                    total = self.binary(crate::python::syntax::BinaryOp::Add, &total, &item, at)?;
                }
                Some(total)
            }
            "any" | "all" => {
                let mut known = true;
                for item in items {
                    let item = self.condition(&item, at)?;
                    match self.truth(&item, at) {
                        Ok(truth) if truth == (name == "any") => return Ok(Some(Value::Bool(truth))),
                        Ok(_) => {}
                        Err(_) => known = false,
                    }
                }
                known.then_some(Value::Bool(name == "all"))
            }
            _ => None,
        })
    }

    /// A copy that still tells where each element is written.
    fn copy_list(&mut self, value: &Value, items: Vec<Value>, tuple: bool) -> Value {
        let at = match value {
            Value::Object(object) => match self.object(*object) {
                Object::List(sequence) | Object::Tuple(sequence) => sequence.at.clone(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        let sequence = crate::python::value::Sequence { items, at };
        self.new_object(if tuple { Object::Tuple(sequence) } else { Object::List(sequence) })
    }

    pub(super) fn sorted(&mut self, items: Vec<Value>, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let reverse = match args.keyword("reverse").map(|reverse| self.truth(&reverse.value, at)) {
            None => false,
            Some(Ok(reverse)) => reverse,
            Some(Err(_)) => return Ok(None),
        };
        let mut keyed = Vec::new();
        for item in items {
            let key = match args.keyword("key") {
                Some(key) if !matches!(key.value, Value::None) => {
                    self.call_with(&key.value.clone(), vec![item.clone()], at)?
                }
                _ => item.clone(),
            };
            keyed.push((key, item));
        }
        if self.compared_by_methods(&keyed.iter().map(|(key, _)| key).collect::<Vec<_>>()) {
            let Some(items) = self.sorted_by_methods(keyed, reverse, at)? else { return Ok(None) };
            return Ok(Some(self.new_list(items)));
        }
        let mut known = true;
        keyed.sort_by(|a, b| {
            let order = self.order(&a.0, &b.0).unwrap_or_else(|| {
                known = false;
                Ordering::Equal
            });
            // Reversed, what is equal keeps its place all the same.
            if reverse { order.reverse() } else { order }
        });
        if !known {
            return Ok(None);
        }
        let items: Vec<Value> = keyed.into_iter().map(|(_, item)| item).collect();
        Ok(Some(self.new_list(items)))
    }

    /// Whether one of these is compared by a method of a class of the tree.
    fn compared_by_methods(&self, keys: &[&Value]) -> bool {
        keys.iter().any(|key| self.plain_class(key).is_some() && self.held(key).is_none())
    }

    fn extreme(
        &mut self,
        name: &str,
        value: &Value,
        second: Option<&Value>,
        args: &Args,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        let items = match second {
            Some(_) => args.positional.iter().map(|arg| arg.value.clone()).collect(),
            None => match (self.unordered_items(value), self.iterate(value, at)?) {
                (Some(items), _) | (None, Ok(items)) => items,
                (None, Err(_)) => return Ok(None),
            },
        };
        let key = args.keyword("key").map(|arg| arg.value.clone()).filter(|key| !matches!(key, Value::None));
        let mut best: Option<(Value, Value)> = None;
        for item in items {
            let by = match &key {
                Some(key) => self.call_with(key, vec![item.clone()], at)?,
                None => item.clone(),
            };
            best = Some(match best {
                None => (by, item),
                Some(best) if self.compared_by_methods(&[&by, &best.0]) => {
                    let op = if name == "min" { CompareOp::Less } else { CompareOp::Greater };
                    let answer = self.compare(op, &by, &best.0, at)?;
                    match self.truth(&answer, at) {
                        Ok(true) => (by, item),
                        Ok(false) => best,
                        Err(_) => return Ok(None),
                    }
                }
                Some(best) => match self.order(&by, &best.0) {
                    Some(Ordering::Less) if name == "min" => (by, item),
                    Some(Ordering::Greater) if name == "max" => (by, item),
                    Some(_) => best,
                    None => return Ok(None),
                },
            });
        }
        match best.map(|(_, item)| item).or_else(|| args.keyword("default").map(|arg| arg.value.clone())) {
            Some(best) => Ok(Some(best)),
            None => self.raise("ValueError", "the iterable is empty", at),
        }
    }

    /// The iterator that a value is.
    fn lazy_object(&self, value: &Value) -> Option<Ref> {
        match value {
            Value::Object(object) => matches!(self.object(*object), Object::Lazy(_)).then_some(*object),
            _ => None,
        }
    }

    fn zip(&mut self, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let lazy = |run: &Self, value: &Value| match value {
            Value::Object(object) => match run.object(*object) {
                Object::Lazy(Lazy::Items { .. }) => false,
                Object::Lazy(_) => run.hazy(*object).is_none(),
                _ => false,
            },
            _ => false,
        };
        // The same iterator more than once: each row takes several of it.
        let objects: Vec<_> = args.positional.iter().filter_map(|arg| self.lazy_object(&arg.value)).collect();
        let shared = objects.iter().enumerate().any(|(index, object)| objects[..index].contains(object));
        if args.keywords.is_empty() && (shared || args.positional.iter().any(|arg| lazy(self, &arg.value))) {
            // One row at a time, to the end of the shortest.
            let mut sources = Vec::new();
            for arg in &args.positional {
                sources.push(self.iterator_of(&arg.value.clone(), at)?);
            }
            if !sources.iter().any(|source| matches!(source, Value::Unknown(_))) {
                return Ok(Some(self.new_object(Object::Lazy(Lazy::Zip { sources: sources.into() }))));
            }
        }
        let mut columns = Vec::new();
        for arg in &args.positional {
            match self.iterate(&arg.value.clone(), at)? {
                Ok(items) => columns.push(items),
                Err(_) => return Ok(None),
            }
        }
        let rows = columns.iter().map(Vec::len).min().unwrap_or(0);
        match args.keyword("strict").map(|strict| self.truth(&strict.value, at)) {
            Some(Ok(true)) if columns.iter().any(|column| column.len() != rows) => {
                return self.raise("ValueError", "zip() arguments are of different length", at);
            }
            Some(Err(_)) => return Ok(None),
            _ => {}
        }
        let mut tuples = Vec::new();
        for row in 0..rows {
            let items = columns.iter().map(|column| column[row].clone()).collect();
            tuples.push(self.new_tuple(items));
        }
        Ok(Some(self.iterator(tuples)))
    }

    /// `map` over several iterables.
    fn map_many(&mut self, function: &Value, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let columns = Args { positional: args.positional[1..].to_vec(), ..Args::default() };
        let Some(rows) = self.zip(&columns, at)? else { return Ok(None) };
        let Ok(rows) = self.iterate(&rows, at)? else { return Ok(None) };
        let mut results = Vec::new();
        for row in rows {
            let row = self.items(&row).map(<[Value]>::to_vec).unwrap_or_default();
            results.push(self.call_with(function, row, at)?);
        }
        Ok(Some(self.iterator(results)))
    }

    /// An iterator over values that are known.
    pub(super) fn iterator(&mut self, items: Vec<Value>) -> Value {
        self.new_object(Object::Lazy(Lazy::Items { items: items.into(), next: 0 }))
    }

    fn next_value(&mut self, value: &Value, default: Option<Value>, at: At) -> Result<Option<Value>, Stop> {
        if let Some(method) = self.find_method(value, "__next__") {
            return self.call_with(&method, Vec::new(), at).map(Some);
        }
        let Value::Object(object) = value else { return Ok(None) };
        if let Some(Standard::File(open)) = self.standard(value).cloned() {
            return Ok(self.file_method(*object, &open, "readline", &Args::default()));
        }
        // What `itertools` gives is a list here: its first goes.
        if let (Object::List(list), None) = (self.object(*object), self.hazy(*object)) {
            let first = list.items.first().cloned();
            if let (Some(_), Object::List(list)) = (&first, self.change(*object)) {
                list.items.remove(0);
                list.at.clear();
            }
            return match first.or(default) {
                Some(item) => Ok(Some(item)),
                None => self.raise("StopIteration", "", at),
            };
        }
        let Object::Lazy(lazy) = self.object(*object).clone() else { return Ok(None) };
        if let (Lazy::Items { items, next }, None) = (&lazy, self.hazy(*object))
            && let Some(item) = items.get(*next).cloned()
        {
            let state = Lazy::Items { items: items.clone(), next: next + 1 };
            if let Object::Lazy(lazy) = self.change(*object) {
                *lazy = state;
            }
            return Ok(Some(item));
        }
        match (self.next_of(*object, at)?, default) {
            (Ok(Some(value)), _) | (Ok(None), Some(value)) => Ok(Some(value)),
            (Ok(None), None) => self.raise("StopIteration", "", at),
            (Err(mut why), Some(value)) => {
                // It may be the default just as well.
                let hosts = self.hosts_in_all(&[Value::Unknown(why.clone()), value]);
                std::rc::Rc::make_mut(&mut why).hosts = hosts;
                Ok(Some(Value::Unknown(why)))
            }
            (Err(why), None) => Ok(Some(Value::Unknown(why))),
        }
    }

    fn dict_of_keys(&mut self, keys: &Value, value: &Value, at: At) -> Result<Option<Value>, Stop> {
        let Ok(keys) = self.iterate(keys, at)? else { return Ok(None) };
        let mut dict = Dict::default();
        for written in keys {
            match self.key(&written) {
                Some(key) => dict.insert(key, written, value.clone()),
                None => return Ok(None),
            }
        }
        Ok(Some(self.new_object(Object::Dict(dict))))
    }

    pub(super) fn dict(&mut self, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let mut dict = Dict::default();
        let mut open = None;
        if let Some(first) = args.positional.first() {
            let pairs = if let Some(content) = self.content(&first.value, at) {
                open.clone_from(&content.why);
                if !self.pour(&mut dict, content) {
                    return Ok(None);
                }
                Vec::new()
            } else {
                let Ok(items) = self.iterate(&first.value.clone(), at)? else { return Ok(None) };
                let mut pairs = Vec::new();
                for item in items {
                    match self.items(&item) {
                        Some([key, value]) => pairs.push((key.clone(), value.clone())),
                        _ => return Ok(None),
                    }
                }
                pairs
            };
            for (written, value) in pairs {
                match self.key(&written) {
                    Some(key) => dict.insert(key, written, value),
                    None => return Ok(None),
                }
            }
        }
        for (name, argument) in &args.keywords {
            dict.insert(super::Key::Str(name.clone()), Value::str(name.clone()), argument.value.clone());
        }
        Ok(Some(self.new_open_dict(dict, open)))
    }
}
