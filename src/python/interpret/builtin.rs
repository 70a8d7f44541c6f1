//! Built-in functions.

mod number;

use super::{BOUNDS, Host, Interp};
use crate::python::standard::Standard;
use crate::python::value::{Args, At, Dict, Object, Stop, Unknown, Value};
use std::cmp::Ordering;

const NAMES: &str = " abs all any bool bytes callable chr classmethod dict dir divmod enumerate filter float format \
frozenset getattr hasattr hash hex id input int isinstance issubclass iter len list map max min next object oct open ord \
pow print property range repr reversed round set setattr slice sorted staticmethod str sum tuple type vars zip \
ArithmeticError AssertionError AttributeError BaseException Exception FileNotFoundError ImportError IndexError \
KeyError LookupError ModuleNotFoundError NameError NotImplementedError OSError IOError RuntimeError StopIteration \
TypeError ValueError Warning DeprecationWarning UserWarning PermissionError TimeoutError ConnectionError __import__ \
NotImplemented bin ascii delattr complex bytearray memoryview exec eval compile ";

pub(super) fn is_builtin(name: &str) -> bool {
    !name.is_empty() && NAMES.contains(&format!(" {name} "))
}

impl<H: Host> Interp<'_, H> {
    /// Calls a built-in function; `None` if the result is not known.
    pub(super) fn call_builtin(&mut self, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let first = args.positional.first().map(|arg| arg.value.clone());
        let second = args.positional.get(1).map(|arg| arg.value.clone());
        if args.unknown.is_some() {
            return Ok(None);
        }
        Ok(match (name, first, second) {
            ("range", Some(first), second) => self.range(&first, second.as_ref(), args, at)?,
            ("len", Some(value), _) => self.length(&value),
            ("str", Some(value), _) => Some(self.str_of(&value, at)?),
            ("str", None, _) => Some(Self::text_value("", at)),
            ("bool", Some(value), _) => self.truth(&value, at).ok().map(Value::Bool),
            ("bool", None, _) => Some(Value::Bool(false)),
            (
                "list" | "tuple" | "set" | "frozenset" | "iter" | "reversed" | "sorted" | "enumerate" | "sum" | "any"
                | "all" | "next",
                first,
                second,
            ) => self.over_items(name, first, second, args, at)?,
            ("min" | "max", Some(value), second) => self.extreme(name, &value, second.as_ref(), args, at)?,
            ("zip", ..) => self.zip(args, at)?,
            ("map" | "filter", Some(function), Some(items)) => self.map_filter(name, &function, &items, args, at)?,
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
            ("print", ..) => Some(Value::None),
            ("open", Some(path), _) => match self.path_of(&path) {
                Some(path) => self.open(&path, args, 1, at),
                None => None,
            },
            ("object", None, _) => Some(self.unknown_from(&[], "object", at)),
            ("divmod", Some(a), Some(b)) => {
                let quotient = self.binary(crate::python::syntax::BinaryOp::FloorDiv, &a, &b, at)?;
                let rest = self.binary(crate::python::syntax::BinaryOp::Mod, &a, &b, at)?;
                Some(self.new_tuple(vec![quotient, rest]))
            }
            ("setattr" | "getattr" | "hasattr" | "isinstance" | "callable" | "type", Some(object), second) => {
                self.reflection(name, &object, second, args, at)?
            }
            ("__import__", Some(Value::Str(module)), _) => Some(self.import_module(&module.text.clone(), at)?),
            ("exec" | "eval" | "compile", ..) => {
                let why = Unknown::new(format!("`{name}` runs text as code"), at, name);
                H::outside_call(self, &why.clone().value(), args, at);
                Some(why.value())
            }
            _ => None,
        })
    }

    /// Functions that ask or change what an object is.
    fn reflection(
        &mut self,
        name: &str,
        object: &Value,
        second: Option<Value>,
        args: &Args,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        Ok(match (name, Some(object.clone()), second) {
            ("setattr", Some(object), Some(attribute)) => {
                let value = args.positional.get(2).map_or(Value::None, |arg| arg.value.clone());
                if let Some(attribute) = attribute.as_str() {
                    self.set_attribute(&object, attribute, value, at);
                } else if let Value::Object(object) = object {
                    let why = self.why(&attribute, at);
                    self.set_hazy(object, why);
                }
                Some(Value::None)
            }
            ("getattr", Some(object), Some(Value::Str(attribute))) => {
                let value = self.attribute(&object, &attribute.text, at)?;
                match (&value, args.positional.get(2)) {
                    (Value::Unknown(why), Some(default)) => {
                        let why = why.clone();
                        Some(self.merge(&[Some(value.clone()), Some(default.value.clone())], &why))
                    }
                    _ => Some(value),
                }
            }
            ("hasattr", Some(Value::Object(object)), Some(Value::Str(attribute))) => match self.object(object) {
                Object::Instance(instance) if instance.attributes.contains_key(&attribute.text) => {
                    Some(Value::Bool(true))
                }
                _ => None,
            },
            ("isinstance", Some(value), Some(class)) => self.is_instance(&value, &class).map(Value::Bool),
            ("callable", Some(Value::Object(object)), _) => Some(Value::Bool(matches!(
                self.object(object),
                Object::Function(_) | Object::Class(_) | Object::Bound { .. } | Object::Partial { .. }
            ))),
            ("type", Some(Value::Object(object)), None) => match self.object(object) {
                Object::Instance(instance) => Some(Value::Object(instance.class)),
                _ => None,
            },
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
            _ => match self.items(value).map(<[Value]>::len).or_else(|| Some(self.unordered_items(value)?.len())) {
                Some(length) => length,
                None => self.dict_pairs(value)?.len(),
            },
        };
        i64::try_from(length).ok().map(Value::Int)
    }

    fn over_items(
        &mut self,
        name: &str,
        first: Option<Value>,
        second: Option<Value>,
        args: &Args,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        let Some(value) = first else {
            return Ok(Some(match name {
                "tuple" => self.new_tuple(Vec::new()),
                "set" | "frozenset" => self.new_set(Vec::new()),
                _ => self.new_list(Vec::new()),
            }));
        };
        if let (Value::Object(object), "next", Some(Standard::File(open))) =
            (&value, name, self.standard(&value).cloned())
        {
            return Ok(self.file_method(*object, &open, "readline", &Args::default()));
        }
        let unordered = self.unordered_items(&value);
        let items = match self.iterate(&value, at)? {
            Ok(items) => items,
            // What does not look at the order does not need it.
            Err(_) if unordered.is_some() && matches!(name, "sorted" | "set" | "frozenset" | "any" | "all") => {
                unordered.unwrap_or_default()
            }
            Err(_) if unordered.is_some() && matches!(name, "list" | "iter" | "tuple") => {
                let copy = self.new_list(unordered.unwrap_or_default());
                if let Value::Object(object) = &copy {
                    self.set_unordered(*object, at);
                }
                return Ok(Some(copy));
            }
            Err((why, _)) if name == "list" || name == "tuple" => {
                let mut why = Unknown::clone(&why);
                why.hosts = self.hosts_in(&value);
                return Ok(Some(why.value()));
            }
            Err(_) => return Ok(None),
        };
        Ok(match name {
            "list" | "iter" => Some(self.copy_list(&value, items, false)),
            "tuple" => Some(self.copy_list(&value, items, true)),
            "set" | "frozenset" => Some(self.new_set(items)),
            "reversed" => Some(self.new_list(items.into_iter().rev().collect())),
            "sorted" => self.sorted(items, args, at)?,
            "enumerate" => {
                let start = args.value(1, "start").map_or(Some(0), Value::as_int);
                let Some(start) = start else { return Ok(None) };
                let mut pairs = Vec::new();
                for (index, item) in items.into_iter().enumerate() {
                    let index = start.saturating_add(i64::try_from(index).unwrap_or(i64::MAX));
                    pairs.push(self.new_tuple(vec![Value::Int(index), item]));
                }
                Some(self.new_list(pairs))
            }
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
                    match self.truth(&item, at) {
                        Ok(truth) if truth == (name == "any") => return Ok(Some(Value::Bool(truth))),
                        Ok(_) => {}
                        Err(_) => known = false,
                    }
                }
                known.then_some(Value::Bool(name == "all"))
            }
            // Whatever `next` is given is an iterator, which is a list here: its first goes.
            "next" => {
                if let Value::Object(object) = &value
                    && !items.is_empty()
                    && let Object::List(list) = self.change(*object)
                {
                    list.items.remove(0);
                    list.at.clear();
                }
                match items.into_iter().next().or(second) {
                    Some(item) => Some(item),
                    None => return self.raise("StopIteration", "", at),
                }
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

    fn zip(&mut self, args: &Args, at: At) -> Result<Option<Value>, Stop> {
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
        Ok(Some(self.new_list(tuples)))
    }

    fn map_filter(
        &mut self,
        name: &str,
        function: &Value,
        items: &Value,
        args: &Args,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        let Ok(items) = self.iterate(items, at)? else { return Ok(None) };
        let mut results = Vec::new();
        if args.positional.len() > 2 {
            let rest = Args { positional: args.positional[1..].to_vec(), ..Args::default() };
            let Some(rows) = self.zip(&rest, at)? else { return Ok(None) };
            for row in self.items(&rows).unwrap_or_default().to_vec() {
                let row = self.items(&row).unwrap_or_default().to_vec();
                results.push(self.call_with(function, row, at)?);
            }
            return Ok((name == "map").then(|| self.new_list(results)));
        }
        for item in items {
            if name == "map" {
                results.push(self.call_with(function, vec![item], at)?);
                continue;
            }
            let tested = if matches!(function, Value::None) {
                item.clone()
            } else {
                self.call_with(function, vec![item.clone()], at)?
            };
            match self.truth(&tested, at) {
                Ok(true) => results.push(item),
                Ok(false) => {}
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(self.new_list(results)))
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
        if let Some(first) = args.positional.first() {
            let pairs = if let Some(pairs) = self.dict_pairs(&first.value) {
                pairs
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
        Ok(Some(self.new_object(Object::Dict(dict))))
    }

    fn is_instance(&self, value: &Value, class: &Value) -> Option<bool> {
        if let Some(classes) = self.items(class) {
            let mut all = Some(false);
            for class in classes {
                match self.is_instance(value, class) {
                    Some(true) => return Some(true),
                    None => all = None,
                    Some(false) => {}
                }
            }
            return all;
        }
        if let (Value::Object(object), Value::Object(class)) = (value, class)
            && let Object::Instance(instance) = self.object(*object)
            && let Object::Class(own) = self.object(instance.class)
        {
            return Some(own.order.iter().any(|entry| matches!(entry, Value::Object(other) if other == class)));
        }
        let path = class.outside_path()?;
        if let Some(standard) = self.standard(value) {
            return standard.is_a(path);
        }
        // Whatever is held as one of Python's own types is none of a library's.
        let own_type = matches!(value, Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Str(_));
        if own_type && matches!(&**path, "pathlib.Path" | "datetime.datetime" | "datetime.date" | "datetime.timedelta")
        {
            return Some(false);
        }
        let class = path.strip_prefix("builtins.")?.to_owned();
        let own = match value {
            Value::None => "NoneType",
            Value::Bool(_) => return Some(class == "bool" || class == "int"),
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::Str(_) => "str",
            Value::Bytes(_) => "bytes",
            Value::Unknown(unknown) if unknown.affix.is_some() => "str",
            Value::Object(object) => match self.object(*object) {
                Object::List(_) => "list",
                Object::Tuple(_) => "tuple",
                Object::Dict(_) => "dict",
                Object::Set(_) => "set",
                Object::Function(_) => "function",
                Object::Standard(_) => "object",
                _ => return None,
            },
            _ => return None,
        };
        Some(own == class || class == "object")
    }
}
