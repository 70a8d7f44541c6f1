//! Methods of built-in types.

mod text;

use super::{Host, Interp, Key};
use crate::python::value::{Args, At, Dict, Object, Ref, Stop, Unknown, Value, short};
use std::collections::BTreeSet;

impl<H: Host> Interp<'_, H> {
    pub(super) fn call_method(&mut self, receiver: &Value, name: &str, args: &Args, at: At) -> Result<Value, Stop> {
        if let Some(host) = self.host_of(receiver)
            && let Some(value) = H::method(self, host, name, args, at)?
        {
            return Ok(value);
        }
        let known = match receiver {
            Value::Str(text) => {
                let args = &if name.starts_with("format") { args.clone() } else { self.plain_args(args) };
                let made = self.text_method(&text.text.clone(), name, args, at)?;
                made.map(
                    |made| {
                        if made.unsourced() { Self::made_of(made, std::slice::from_ref(receiver), at) } else { made }
                    },
                )
            }
            Value::Bytes(bytes) => Self::bytes_method(bytes, name, args, at),
            Value::Unknown(_) => Self::pattern_method(receiver, name, args, at),
            Value::Object(object) => match self.object(*object) {
                Object::List(_) | Object::Tuple(_) => self.list_method(*object, name, args, at)?,
                Object::Manager(_) => self.stack_method(*object, name, args, at)?,
                Object::Set(_) => self.set_method(*object, name, args, at)?,
                Object::Dict(dict) if dict.counts() && !is_of_every_dict(name) => {
                    self.counter_method(*object, name, args, at)?
                }
                Object::Dict(_) => self.dict_method(*object, name, args, at)?,
                Object::Instance(_) => self.named_tuple_method(*object, name, args, at)?,
                Object::Property { .. } => self.property_method(*object, name, args),
                Object::Class(_) if name == "_make" => self.named_tuple_method(*object, name, args, at)?,
                Object::Class(_) if name == "mro" => {
                    let Object::Class(class) = self.object(*object).clone() else { return Ok(Value::None) };
                    self.class_lineage(&class, &"__mro__".into())
                }
                Object::Class(_) if name == "__subclasses__" => Some(self.subclasses(*object, at)),
                Object::Globals(scope) => {
                    let scope = *scope;
                    match name {
                        "get" => args
                            .value(0, "key")
                            .and_then(Value::as_str)
                            .and_then(|key| self.names(scope).get(key))
                            .cloned(),
                        "update" => {
                            if let Some(pairs) = args.positional.first().and_then(|arg| self.dict_pairs(&arg.value)) {
                                for (key, value) in pairs {
                                    let name = key
                                        .as_str()
                                        .cloned()
                                        .unwrap_or_else(|| format!("<{}>", self.text(&key)).into());
                                    self.set_in(scope, &name, value);
                                }
                            }
                            Some(Value::None)
                        }
                        _ => None,
                    }
                }
                Object::Standard(standard) => {
                    let standard = standard.clone();
                    self.standard_method(*object, &standard, name, args, at)?
                }
                Object::Cached(_) if name == "cache_clear" => {
                    if let Object::Cached(cached) = self.change(*object) {
                        cached.clear();
                    }
                    Some(Value::None)
                }
                Object::Class(_) if super::pydantic::makes(name) => self.validated(*object, args, at)?,
                Object::Class(_) => H::class_method(self, *object, name, args),
                Object::Super { receiver, class } => {
                    let (receiver, class) = (receiver.clone(), *class);
                    return self.super_method(&receiver, class, name, args, at);
                }
                _ => None,
            },
            _ => None,
        };
        if let Some(value) = known {
            Ok(value)
        } else {
            let parts: Vec<Value> =
                std::iter::once(receiver.clone()).chain(args.all().map(|arg| arg.value.clone())).collect();
            // A change that is not followed leaves the content unknown.
            if let Value::Object(object) = receiver
                && matches!(self.object(*object), Object::List(_) | Object::Dict(_) | Object::Set(_))
                && !matches!(name, "get" | "keys" | "values" | "items" | "copy" | "index" | "count")
            {
                let why = Unknown::new(format!("`{name}` is not evaluated"), at, name);
                self.set_hazy(*object, std::rc::Rc::new(why));
            }
            let value = self.unknown_from(&parts, name, at);
            if matches!(receiver, Value::Host(_)) {
                H::outside_call(self, &value, args, at);
            }
            Ok(value)
        }
    }

    fn super_method(&mut self, receiver: &Value, class: Ref, name: &str, args: &Args, at: At) -> Result<Value, Stop> {
        let Value::Object(object) = receiver else { return Ok(Value::None) };
        if name == "__call__" && matches!(self.object(*object), Object::Class(_)) {
            return self.make_instance(*object, args, at);
        }
        if name == "__init__" {
            let own = match self.object(*object) {
                Object::Instance(instance) => instance.class,
                _ => class,
            };
            self.initialise(*object, own, Some(class), args, at)?;
            return Ok(Value::None);
        }
        if let Some(host) = self.host_of(receiver)
            && let Some(value) = H::method(self, host, name, args, at)?
        {
            return Ok(value);
        }
        if let Some(value) = self.object_method(receiver, name, args, at)? {
            return Ok(value);
        }
        self.open_instances(receiver, 1);
        self.hand_out(args);
        Ok(self.unknown_from(std::slice::from_ref(receiver), name, at))
    }

    /// `@property.setter` and its kin.
    fn property_method(&mut self, property: Ref, name: &str, args: &Args) -> Option<Value> {
        let function = args.positional.first()?.value.clone();
        let Object::Property { get, set, delete } = self.object(property).clone() else { return None };
        let made = match name {
            "setter" => Object::Property { get, set: Some(Box::new(function)), delete },
            "deleter" => Object::Property { get, set, delete: Some(Box::new(function)) },
            "getter" => Object::Property { get: function, set, delete },
            _ => return None,
        };
        Some(self.new_object(made))
    }

    /// A method that an instance has from `object`, or from the built-in type that it is.
    fn object_method(&mut self, receiver: &Value, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let Value::Object(object) = receiver else { return Ok(None) };
        let given: Vec<Value> = args.positional.iter().map(|arg| arg.value.clone()).collect();
        if let Object::Class(_) = self.object(*object) {
            return Ok(match name {
                "__init_subclass__" if given.is_empty() => Some(Value::None),
                // `super().__new__(cls)` gives an instance of the class that it is given.
                "__new__" => self.bare_instance(given.first()),
                _ => None,
            });
        }
        let Object::Instance(instance) = self.object(*object) else { return Ok(None) };
        let held = instance.held.clone();
        match (name, given.as_slice(), held) {
            ("__setattr__", [Value::Str(name), value], _) => {
                self.set_own_attribute(receiver, &name.text.clone(), value.clone(), at)?;
                Ok(Some(Value::None))
            }
            ("__getitem__", [key], Some(held)) => self.subscript(&held, key, at).map(Some),
            ("__setitem__", [key, value], Some(held)) => {
                self.set_item(&held, key, value.clone(), at)?;
                Ok(Some(Value::None))
            }
            ("__contains__", [item], Some(held)) => {
                self.compare(crate::python::syntax::CompareOp::In, item, &held, at).map(Some)
            }
            ("__post_init__", [], None) => Ok(Some(Value::None)),
            (name, _, Some(held)) if !name.starts_with("__") => self.call_method(&held, name, args, at).map(Some),
            _ => Ok(None),
        }
    }

    /// `object.__new__(Class)`.
    pub(super) fn bare_instance(&mut self, class: Option<&Value>) -> Option<Value> {
        let Value::Object(class) = class? else { return None };
        matches!(self.object(*class), Object::Class(_))
            .then(|| self.new_object(Object::Instance(crate::python::value::Instance::of(*class))))
    }

    fn join_texts(&mut self, separator: &str, items: &Value, at: At) -> Result<Option<Value>, Stop> {
        let Ok(items) = self.iterate(items, at)? else { return Ok(None) };
        let mut parts = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                parts.push(Value::str(separator));
            }
            parts.push(item);
        }
        Ok(Some(self.concat(&parts, at)))
    }

    /// What can be said of a text of which only the ends are known.
    fn pattern_method(receiver: &Value, name: &str, args: &Args, at: At) -> Option<Value> {
        let Value::Unknown(unknown) = receiver else { return None };
        let (prefix, suffix) = unknown.affix.clone()?;
        let map = |prefix: String, suffix: String| {
            let mut mapped = Unknown::clone(unknown);
            mapped.text = short(format!("{}.{name}", unknown.text));
            mapped.affix = Some((prefix.into(), suffix.into()));
            mapped.home = false;
            Some(mapped.value())
        };
        let arg = |index: usize| args.positional.get(index).and_then(|arg| arg.value.as_str().cloned());
        match (name, args.positional.len()) {
            ("lower", 0) => map(prefix.to_lowercase(), suffix.to_lowercase()),
            ("upper", 0) => map(prefix.to_uppercase(), suffix.to_uppercase()),
            ("replace", 2) if arg(0).is_some_and(|from| from.chars().count() == 1) => {
                let (from, to) = (arg(0)?, arg(1)?);
                map(prefix.replace(&*from, &to), suffix.replace(&*from, &to))
            }
            ("endswith", 1) if arg(0).is_some_and(|part| part.len() <= suffix.len()) => {
                Some(Value::Bool(suffix.ends_with(&*arg(0)?)))
            }
            ("startswith", 1) if arg(0).is_some_and(|part| part.len() <= prefix.len()) => {
                Some(Value::Bool(prefix.starts_with(&*arg(0)?)))
            }
            ("split" | "rsplit", count @ 1..=2)
                if arg(0).is_some_and(|part| part.len() == 1 && suffix.contains(&*part))
                    && (count == 1 || name == "rsplit" && args.positional[1].value.as_int() == Some(1)) =>
            {
                // Only the last parts are known; enough for `path.split("/")[-1]`.
                let separator = arg(0)?;
                let mut list = Unknown::clone(unknown);
                list.text = short(format!("{}.split({separator:?})", unknown.text));
                list.affix = None;
                let known = suffix.split(&*separator).count() - 1;
                let parts = suffix.rsplit(&*separator).take(if count == 1 { known } else { 1 });
                let mut tail: Vec<Value> = parts.map(|part| Self::text_value(part, at)).collect();
                tail.reverse();
                list.tail = Some(tail.into());
                Some(list.value())
            }
            _ => None,
        }
    }

    pub(super) fn extend_list(&mut self, object: Ref, value: &Value, at: At) -> Result<(), Stop> {
        let places = match value {
            Value::Object(other) => match self.object(*other) {
                Object::List(items) | Object::Tuple(items) => items.at.clone(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        match self.iterate(value, at)? {
            Ok(items) => {
                if let Object::List(list) = self.change(object) {
                    if list.at.len() == list.items.len() && places.len() == items.len() {
                        list.at.extend(places);
                    } else {
                        list.at.clear();
                    }
                    list.items.extend(items);
                }
            }
            Err((why, _)) => {
                let mut why = Unknown::clone(&why);
                why.hosts = self.hosts_in(value);
                self.set_hazy(object, std::rc::Rc::new(why));
            }
        }
        Ok(())
    }

    fn list_method(&mut self, object: Ref, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let first = args.positional.first().cloned();
        Ok(match (name, first) {
            ("append", Some(item)) => {
                if let Object::List(list) = self.change(object) {
                    if list.at.len() == list.items.len() {
                        list.at.push(item.at);
                    }
                    list.items.push(item.value);
                }
                Some(Value::None)
            }
            ("extend", Some(items)) => {
                self.extend_list(object, &items.value, at)?;
                Some(Value::None)
            }
            ("insert", Some(index)) => {
                let Some(item) = args.positional.get(1).cloned() else { return Ok(None) };
                let (Some(index), Object::List(list)) = (index.value.as_int(), self.change(object)) else {
                    return Ok(None);
                };
                let length = list.items.len();
                let index = if index < 0 { index + i64::try_from(length).unwrap_or(0) } else { index };
                let index = usize::try_from(index.max(0)).unwrap_or(0).min(length);
                list.items.insert(index, item.value);
                list.at.clear();
                Some(Value::None)
            }
            ("pop", index) if self.hazy(object).is_none() => {
                let index = match index.map(|index| index.value) {
                    None => Some(-1),
                    Some(index) if index.as_int().is_some() => index.as_int(),
                    Some(_) => return Ok(None),
                };
                let Object::List(list) = self.change(object) else { return Ok(None) };
                let length = i64::try_from(list.items.len()).unwrap_or(0);
                let position = index.map(|index| if index < 0 { index + length } else { index });
                match position.and_then(|position| usize::try_from(position).ok()) {
                    Some(position) if position < list.items.len() => {
                        list.at.clear();
                        Some(list.items.remove(position))
                    }
                    _ => return self.raise("IndexError", "pop from empty list", at),
                }
            }
            ("remove", Some(item)) if self.hazy(object).is_none() => {
                let items = self.items(&Value::Object(object)).unwrap_or_default().to_vec();
                for (index, other) in items.iter().enumerate() {
                    match self.equal(other, &item.value, at)? {
                        Some(true) => {
                            if let Object::List(list) = self.change(object) {
                                list.at.clear();
                                list.items.remove(index);
                            }
                            return Ok(Some(Value::None));
                        }
                        None => return Ok(None),
                        Some(false) => {}
                    }
                }
                return self.raise("ValueError", "not in list", at);
            }
            ("reverse", None) => {
                if let Object::List(list) = self.change(object) {
                    list.items.reverse();
                    list.at.reverse();
                }
                Some(Value::None)
            }
            ("sort", None) => return self.sort_list(object, args, at),
            ("clear", None) => {
                if let Object::List(list) = self.change(object) {
                    list.items.clear();
                    list.at.clear();
                }
                Some(Value::None)
            }
            // A `deque` is a list here.
            ("appendleft", Some(item)) => {
                if let Object::List(list) = self.change(object) {
                    list.items.insert(0, item.value);
                    list.at.clear();
                }
                Some(Value::None)
            }
            ("popleft", None) if self.hazy(object).is_none() => {
                let Object::List(list) = self.change(object) else { return Ok(None) };
                list.at.clear();
                if list.items.is_empty() {
                    return self.raise("IndexError", "pop from an empty deque", at);
                }
                Some(list.items.remove(0))
            }
            ("copy", None) => {
                self.items(&Value::Object(object)).map(<[Value]>::to_vec).map(|items| self.new_list(items))
            }
            (_, Some(item)) if args.positional.len() == 1 => return self.search_list(object, name, &item.value, at),
            _ => None,
        })
    }

    /// Where an element is, and how often.
    fn search_list(&mut self, object: Ref, name: &str, item: &Value, at: At) -> Result<Option<Value>, Stop> {
        if !matches!(name, "index" | "count") {
            return Ok(None);
        }
        let Some(items) = self.items(&Value::Object(object)).map(<[Value]>::to_vec) else { return Ok(None) };
        let mut places = Vec::new();
        for (place, other) in items.iter().enumerate() {
            match self.equal(other, item, at)? {
                Some(true) => places.push(i64::try_from(place).unwrap_or(i64::MAX)),
                Some(false) => {}
                None => return Ok(None),
            }
        }
        match (name, places.first()) {
            ("count", _) => Ok(Some(Value::Int(i64::try_from(places.len()).unwrap_or(i64::MAX)))),
            (_, Some(place)) => Ok(Some(Value::Int(*place))),
            (_, None) => self.raise("ValueError", "not in list", at),
        }
    }

    fn sort_list(&mut self, object: Ref, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let list = Value::Object(object);
        let Some(items) = self.items(&list).map(<[Value]>::to_vec).or_else(|| self.unordered_items(&list)) else {
            return Ok(None);
        };
        let Some(sorted) = self.sorted(items, args, at)? else { return Ok(None) };
        let items = self.items(&sorted).unwrap_or_default().to_vec();
        if let Object::List(list) = self.change(object) {
            list.items = items;
            list.at.clear();
        }
        if self.unordered.remove(&object) {
            self.heap[object.0].hazy = None;
        }
        Ok(Some(Value::None))
    }

    fn set_method(&mut self, object: Ref, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let own = Value::Object(object);
        let Some(items) = self.items(&own).map(<[Value]>::to_vec) else { return Ok(None) };
        let mut others = Vec::new();
        for arg in &args.positional {
            if matches!(name, "add" | "discard" | "remove") {
                others.push(vec![arg.value.clone()]);
                continue;
            }
            let unordered = self.unordered_items(&arg.value);
            match (unordered, self.iterate(&arg.value.clone(), at)?) {
                (Some(items), _) | (None, Ok(items)) => others.push(items),
                (None, Err(_)) => return Ok(None),
            }
        }
        let mut result = items;
        for other in others {
            let Some(keys) = other.iter().map(|item| self.key(item)).collect::<Option<BTreeSet<Key>>>() else {
                return Ok(None);
            };
            let mut own_keys = BTreeSet::new();
            for item in &result {
                let Some(key) = self.key(item) else { return Ok(None) };
                own_keys.insert(key);
            }
            let has = |interp: &Self, item: &Value| interp.key(item).is_some_and(|key| keys.contains(&key));
            match name {
                "add" | "update" | "union" => result.extend(other),
                "discard" | "difference" | "difference_update" => result.retain(|item| !has(self, item)),
                "remove" => {
                    if !keys.is_subset(&own_keys) {
                        return self.raise("KeyError", "not in the set", at);
                    }
                    result.retain(|item| !has(self, item));
                }
                "intersection" | "intersection_update" => result.retain(|item| has(self, item)),
                "symmetric_difference" | "symmetric_difference_update" => {
                    result.retain(|item| !has(self, item));
                    let more =
                        other.into_iter().filter(|item| self.key(item).is_some_and(|key| !own_keys.contains(&key)));
                    result.extend(more.collect::<Vec<_>>());
                }
                "issubset" => return Ok(Some(Value::Bool(own_keys.is_subset(&keys)))),
                "issuperset" => return Ok(Some(Value::Bool(keys.is_subset(&own_keys)))),
                "isdisjoint" => return Ok(Some(Value::Bool(own_keys.is_disjoint(&keys)))),
                _ => return Ok(None),
            }
        }
        match name {
            "union" | "difference" | "intersection" | "symmetric_difference" | "copy" => Ok(Some(self.new_set(result))),
            "clear" => {
                if let Object::Set(set) = self.change(object) {
                    set.clear();
                }
                Ok(Some(Value::None))
            }
            "add"
            | "discard"
            | "remove"
            | "update"
            | "difference_update"
            | "intersection_update"
            | "symmetric_difference_update" => {
                let made = self.new_set(result);
                let Some(items) = self.items(&made).map(<[Value]>::to_vec) else { return Ok(None) };
                if let Object::Set(set) = self.change(object) {
                    *set = items;
                }
                Ok(Some(Value::None))
            }
            _ => Ok(None),
        }
    }

    fn dict_method(&mut self, object: Ref, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let key = args.positional.first().and_then(|arg| self.key(&arg.value));
        if let (Some(key), Some(why)) = (&key, self.hazy(object))
            && let Some(value) = self.open_dict_method(object, name, (key, &why), args)
        {
            return Ok(Some(value));
        }
        let Object::Dict(dict) = self.object(object) else { return Ok(None) };
        let known = self.hazy(object).is_none();
        let default = || args.value(1, "default").cloned();
        Ok(match (name, key) {
            ("get", Some(key)) if known || dict.is_settled(&key) => {
                Some(dict.get(&key).cloned().or_else(default).unwrap_or(Value::None))
            }
            ("setdefault", Some(key)) if known => {
                if let Some(value) = dict.get(&key) {
                    return Ok(Some(value.clone()));
                }
                let value = default().unwrap_or(Value::None);
                let written = args.positional[0].value.clone();
                if let Object::Dict(dict) = self.change(object) {
                    dict.insert(key, written, value.clone());
                }
                Some(value)
            }
            ("pop", Some(key)) if known => {
                let value = match self.change(object) {
                    Object::Dict(dict) => dict.remove(&key),
                    _ => None,
                };
                match value.or_else(default) {
                    Some(value) => Some(value),
                    None => return self.raise("KeyError", "pop", at),
                }
            }
            ("keys", None) if known => Some(self.new_list(dict.pairs().into_iter().map(|(key, _)| key).collect())),
            ("values", None) if known => {
                Some(self.new_list(dict.pairs().into_iter().map(|(_, value)| value).collect()))
            }
            ("items", None) if known => {
                let mut tuples = Vec::new();
                let pairs = dict.pairs();
                self.work(pairs.len(), at)?;
                for (key, value) in pairs {
                    tuples.push(self.new_tuple(vec![key, value]));
                }
                Some(self.new_list(tuples))
            }
            ("copy", None) => {
                let (copy, why) = (dict.clone(), self.hazy(object));
                Some(self.new_open_dict(copy, why))
            }
            ("update", _) => self.update(object, args, at)?,
            ("popitem", _) if known => {
                let mut pairs = dict.pairs();
                let last = match args.value(0, "last") {
                    None | Some(Value::Bool(true)) => true,
                    Some(Value::Bool(false)) => false,
                    Some(_) => return Ok(None),
                };
                if !last {
                    pairs.truncate(1);
                }
                let Some((key, value)) = pairs.pop() else {
                    return self.raise("KeyError", "popitem(): dictionary is empty", at);
                };
                if let (Some(key), Object::Dict(dict)) = (self.key(&key), self.change(object)) {
                    dict.remove(&key);
                }
                Some(self.new_tuple(vec![key, value]))
            }
            ("move_to_end", Some(key)) if known && args.positional.len() == 1 && args.keywords.is_empty() => {
                let written = args.positional[0].value.clone();
                let Object::Dict(dict) = self.change(object) else { return Ok(None) };
                let Some(value) = dict.remove(&key) else { return self.raise("KeyError", "move_to_end", at) };
                dict.insert(key, written, value);
                Some(Value::None)
            }
            ("clear", None) => {
                if let Object::Dict(dict) = self.change(object) {
                    *dict = Dict::default();
                }
                Some(Value::None)
            }
            _ => None,
        })
    }

    fn update(&mut self, object: Ref, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let mut all = args.clone();
        all.unknown = None;
        let Some(other) = self.dict(&all, at)? else { return Ok(None) };
        let Some(mut content) = self.content(&other, at) else { return Ok(None) };
        if let (Some(why), Some(maybe)) = (&args.unknown, &args.maybe) {
            content.maybe.extend(maybe.iter().map(|(name, arg)| (Value::str(name.clone()), arg.value.clone())));
            content.why.get_or_insert_with(|| why.clone());
        } else if args.unknown.is_some() {
            return Ok(None);
        }
        Ok(self.pour_into(object, content).then_some(Value::None))
    }
}

/// Methods that a `Counter` has as every dict has them.
fn is_of_every_dict(name: &str) -> bool {
    matches!(name, "get" | "keys" | "values" | "items" | "copy" | "pop" | "popitem" | "setdefault" | "clear")
}
