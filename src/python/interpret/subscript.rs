//! Subscripts and slices: read, set, deleted.

use super::{Host, Interp};
use crate::python::standard::Standard;
use crate::python::value::{At, Object, Ref, Stop, Value};

/// Start, stop and step of a slice.
pub(super) type Bounds = [Option<i64>; 3];

impl<H: Host> Interp<'_, H> {
    pub(crate) fn subscript(&mut self, object: &Value, index: &Value, at: At) -> Result<Value, Stop> {
        if let Some(host) = self.host_of(object)
            && let Some(value) = H::subscript(self, host, index, at)?
        {
            return Ok(value);
        }
        let index = &self.index_of(index, at)?;
        if let Value::OneOf(values) = object {
            let mut results = Vec::new();
            for value in values.clone().iter() {
                results.push(Some(self.subscript(value, index, at)?));
            }
            let why = self.why(object, at);
            return Ok(self.merge(&results, &why));
        }
        if let (Some(items), Some(index)) = (self.items(object), index.as_int()) {
            let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
            let position = if index < 0 { index + length } else { index };
            return match usize::try_from(position).ok().and_then(|position| items.get(position)) {
                Some(item) => Ok(item.clone()),
                None => self.raise("IndexError", "index out of range", at),
            };
        }
        if let Some(part) = index.as_int().and_then(|index| Self::python_part(object, &index.to_string())) {
            return Ok(part);
        }
        match object {
            Value::Outside(path) if super::library::is_literal(path) => {
                return Ok(self.literal(&path.clone(), index, at));
            }
            Value::Outside(path) if super::library::moment::names(path).is_some() => {
                let names = super::library::moment::names(path).unwrap_or_default();
                let names = self.new_list(names);
                return self.subscript(&names, index, at);
            }
            Value::Outside(path) if &**path == "os.environ" => {
                self.may_raise(at);
                return Ok(self.environment(index, None, at));
            }
            Value::Unknown(unknown) => {
                if let (Some(tail), Some(index)) = (&unknown.tail, index.as_int())
                    && index < 0
                    && let Some(value) = usize::try_from(-index)
                        .ok()
                        .and_then(|back| tail.len().checked_sub(back))
                        .and_then(|at| tail.get(at))
                {
                    return Ok(value.clone());
                }
            }
            Value::Str(text) => {
                if let Some(index) = index.as_int() {
                    let letters: Vec<char> = text.text.chars().collect();
                    let length = i64::try_from(letters.len()).unwrap_or(i64::MAX);
                    let position = if index < 0 { index + length } else { index };
                    return match usize::try_from(position).ok().and_then(|position| letters.get(position)) {
                        Some(letter) => Ok(Self::text_value(letter.to_string(), at)),
                        None => self.raise("IndexError", "index out of range", at),
                    };
                }
            }
            Value::Object(object) => match self.object(*object) {
                Object::Standard(Standard::Match(found)) => {
                    if let Some(value) = self.match_group(found, index, at) {
                        return Ok(value);
                    }
                }
                Object::Standard(_) => {
                    if let Some(value) = self.config_item(*object, index, at)? {
                        return Ok(value);
                    }
                }
                Object::Dict(_) => {
                    if let Some(value) = self.dict_item(*object, index, at)? {
                        return Ok(value);
                    }
                }
                Object::Globals(scope) => {
                    if let Some(value) = index.as_str().and_then(|name| self.names(*scope).get(name)) {
                        return Ok(value.clone());
                    }
                }
                Object::Class(_) | Object::Instance(_) => {
                    if let Some(value) = self.item_by_class(*object, index, at)? {
                        return Ok(value);
                    }
                }
                _ => {}
            },
            _ => {}
        }
        self.refuse_subscript(object, index, at)?;
        if let Some(one) = self.one_of_callables(object, index, at) {
            return Ok(one);
        }
        Ok(self.unknown_from(&[object.clone(), index.clone()], "item", at))
    }

    /// An element of a table of functions or classes, where it is not known which: each of them is
    /// run when it is called.
    fn one_of_callables(&mut self, object: &Value, index: &Value, at: At) -> Option<Value> {
        /// More than these are not run one by one.
        const CALLABLES: usize = 8;
        let values: Vec<Value> = match (self.items(object), object) {
            (Some(items), _) if items.len() <= CALLABLES => items.to_vec(),
            (None, Value::Object(table)) if self.hazy(*table).is_none() => match self.object(*table) {
                Object::Dict(dict) if dict.len() <= CALLABLES && dict.default.is_none() => {
                    dict.pairs().into_iter().map(|(_, value)| value).collect()
                }
                _ => return None,
            },
            _ => return None,
        };
        let callable = |value: &Value| match value {
            Value::Outside(_) => true,
            Value::Object(object) => matches!(
                self.object(*object),
                Object::Function(_)
                    | Object::Class(_)
                    | Object::Bound { .. }
                    | Object::Cached(_)
                    | Object::Partial { .. }
            ),
            _ => false,
        };
        if values.len() < 2 || !values.iter().all(callable) {
            return None;
        }
        let why = self.why(index, at);
        let values: Vec<Option<Value>> = values.into_iter().map(Some).collect();
        Some(self.merge(&values, &why))
    }

    /// A member of an enumeration, a class with types in brackets, or what `__getitem__` gives.
    fn item_by_class(&mut self, object: Ref, index: &Value, at: At) -> Result<Option<Value>, Stop> {
        let value = Value::Object(object);
        if let Object::Class(_) = self.object(object) {
            if let Some(member) = self.member_of_name(object, index, at)? {
                return Ok(Some(member));
            }
            // `Box[str]` is `Box` where it is called.
            return Ok((!self.is_enum(object) && self.is_generic(object)).then_some(value));
        }
        if let Some(method) = self.find_method(&value, "__getitem__") {
            return self.call_with(&method, vec![index.clone()], at).map(Some);
        }
        match self.held(&value).cloned() {
            Some(held) => self.subscript(&held, index, at).map(Some),
            None => Ok(None),
        }
    }

    fn dict_item(&mut self, object: Ref, index: &Value, at: At) -> Result<Option<Value>, Stop> {
        let Some(key) = self.key(index) else { return Ok(None) };
        let Object::Dict(dict) = self.object(object) else { return Ok(None) };
        if let Some(value) = dict.get(&key) {
            return Ok((self.hazy(object).is_none() || dict.is_settled(&key)).then(|| value.clone()));
        }
        if self.hazy(object).is_some() {
            return Ok(None);
        }
        if dict.counts() {
            return Ok(Some(Value::Int(0)));
        }
        if let Some(default) = dict.default.clone() {
            let value = self.call_with(&default, Vec::new(), at)?;
            if let Object::Dict(dict) = self.change(object) {
                dict.insert(key, index.clone(), value.clone());
            }
            return Ok(Some(value));
        }
        self.raise("KeyError", self.text(index), at)
    }

    pub(super) fn slice(&mut self, object: &Value, bounds: Bounds, at: At) -> Value {
        let object = &self.plain(object);
        let pick = |length: usize| slice_positions(length, bounds);
        if let ([None, Some(2), None], Some(two)) = (bounds, Self::python_part(object, "[:2]")) {
            return two;
        }
        match object {
            Value::Str(text) => {
                let letters: Vec<char> = text.text.chars().collect();
                let text: String = pick(letters.len()).into_iter().map(|index| letters[index]).collect();
                Self::text_value(text, at)
            }
            Value::Object(reference) if self.items(object).is_some() => {
                let tuple = matches!(self.object(*reference), Object::Tuple(_));
                let items = self.items(object).unwrap_or_default();
                let items: Vec<Value> = pick(items.len()).into_iter().map(|index| items[index].clone()).collect();
                if tuple { self.new_tuple(items) } else { self.new_list(items) }
            }
            _ => self.unknown_from(std::slice::from_ref(object), &format!("slice{bounds:?}"), at),
        }
    }

    pub(super) fn set_item(&mut self, object: &Value, index: &Value, value: Value, at: At) -> Result<(), Stop> {
        let fixed = match object {
            Value::Str(_) | Value::Bytes(_) | Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) => true,
            Value::Object(reference) => matches!(self.object(*reference), Object::Tuple(_)),
            _ => false,
        };
        if fixed {
            return self.raise("TypeError", "the object does not support item assignment", at);
        }
        let Value::Object(reference) = object else {
            self.touch(object, at);
            // It may be the names of the running module (`sys.modules[__name__].__dict__`).
            self.open_names |= matches!(object, Value::Unknown(_) | Value::Outside(_));
            return Ok(());
        };
        let key = self.key(index);
        let why = self.why(index, at);
        match self.object(*reference) {
            Object::Dict(_) => match key {
                Some(key) => {
                    let certain = self.rest.is_empty() && self.hazy(*reference).is_some();
                    if let Object::Dict(dict) = self.change(*reference) {
                        dict.insert(key.clone(), index.clone(), value.clone());
                        if certain {
                            dict.settle(&key, value);
                        }
                    }
                }
                None => self.set_hazy(*reference, why),
            },
            Object::List(items) => {
                let count = items.items.len();
                let length = i64::try_from(count).unwrap_or(i64::MAX);
                let position = index.as_int().map(|index| if index < 0 { index + length } else { index });
                match position.and_then(|position| usize::try_from(position).ok()) {
                    Some(position) if position < count => {
                        if let Object::List(items) = self.change(*reference) {
                            items.items[position] = value;
                        }
                    }
                    _ => self.set_hazy(*reference, why),
                }
            }
            Object::Globals(scope) => {
                // A name that is not known is still a global.
                let scope = *scope;
                let name = index.as_str().cloned().unwrap_or_else(|| format!("<{}>", self.text(index)).into());
                self.set_in(scope, &name, value);
            }
            Object::Instance(_) => {
                if let Some(method) = self.find_method(object, "__setitem__") {
                    self.call_with(&method, vec![index.clone(), value], at)?;
                } else if let Some(held) = self.held(object).cloned() {
                    return self.set_item(&held, index, value, at);
                }
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn delete_item(&mut self, object: &Value, index: &Value, at: At) -> Result<(), Stop> {
        let Value::Object(reference) = object else {
            self.touch(object, at);
            return Ok(());
        };
        if let Some(method) = self.find_method(object, "__delitem__") {
            return self.call_with(&method, vec![index.clone()], at).map(|_| ());
        }
        if let Some(held) = self.held(object).cloned() {
            return self.delete_item(&held, index, at);
        }
        let known = self.hazy(*reference).is_none();
        let length = self.items(object).map(<[Value]>::len);
        match (self.key(index), self.object(*reference)) {
            (Some(key), Object::Dict(dict)) => {
                if known && dict.get(&key).is_none() && !dict.counts() {
                    return self.raise("KeyError", self.text(index), at);
                }
                if let Object::Dict(dict) = self.change(*reference) {
                    dict.remove(&key);
                }
            }
            (_, Object::List(_)) if known && index.as_int().is_some() => {
                let length = length.and_then(|length| i64::try_from(length).ok()).unwrap_or(0);
                let position = index.as_int().map_or(-1, |index| if index < 0 { index + length } else { index });
                let Some(position) = usize::try_from(position).ok().filter(|_| position < length) else {
                    return self.raise("IndexError", "index out of range", at);
                };
                if let Object::List(list) = self.change(*reference) {
                    list.items.remove(position);
                    list.at.clear();
                }
            }
            (_, Object::Dict(_) | Object::List(_)) => {
                let why = self.why(index, at);
                self.set_hazy(*reference, why);
            }
            _ => {}
        }
        Ok(())
    }

    /// `object[a:b:c] = value`, or without a value `del object[a:b:c]`.
    pub(super) fn replace_slice(
        &mut self,
        object: &Value,
        bounds: Option<Bounds>,
        value: Option<&Value>,
        at: At,
    ) -> Result<(), Stop> {
        let Value::Object(reference) = object else {
            self.touch(object, at);
            return Ok(());
        };
        let length = match self.object(*reference) {
            Object::List(list) => list.items.len(),
            _ => return Ok(()),
        };
        let items = match value {
            Some(value) => match self.iterate(value, at)? {
                Ok(items) => items,
                Err((why, _)) => {
                    self.set_hazy(*reference, why);
                    return Ok(());
                }
            },
            None => Vec::new(),
        };
        let Some(bounds) = bounds else {
            let why = self.unknown_from(std::slice::from_ref(object), "slice", at);
            let why = self.why(&why, at);
            self.set_hazy(*reference, why);
            return Ok(());
        };
        let positions = slice_positions(length, bounds);
        let whole = bounds[2].is_none_or(|stride| stride == 1);
        if !whole && value.is_some() && items.len() != positions.len() {
            return self.raise("ValueError", "a sequence of another size than the extended slice", at);
        }
        let start = slice_start(length, bounds[0]);
        if let Object::List(list) = self.change(*reference) {
            list.at.clear();
            if whole {
                list.items.splice(start..start + positions.len(), items);
            } else if value.is_some() {
                for (position, item) in positions.into_iter().zip(items) {
                    list.items[position] = item;
                }
            } else {
                let mut index = 0;
                list.items.retain(|_| {
                    index += 1;
                    !positions.contains(&(index - 1))
                });
            }
        }
        Ok(())
    }
}

/// Where a slice without a step begins.
fn slice_start(length: usize, start: Option<i64>) -> usize {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let start = start.map_or(0, |start| if start < 0 { start.saturating_add(length) } else { start });
    usize::try_from(start.clamp(0, length)).unwrap_or(0)
}

/// The positions that `[start:stop:step]` picks.
fn slice_positions(length: usize, [start, stop, stride]: Bounds) -> Vec<usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let stride = stride.unwrap_or(1);
    if stride == 0 {
        return Vec::new();
    }
    let clamp = |value: i64, low: i64, high: i64| (if value < 0 { value + length } else { value }).clamp(low, high);
    let (mut at, end) = if stride > 0 {
        (start.map_or(0, |v| clamp(v, 0, length)), stop.map_or(length, |v| clamp(v, 0, length)))
    } else {
        (start.map_or(length - 1, |v| clamp(v, -1, length - 1)), stop.map_or(-1, |v| clamp(v, -1, length - 1)))
    };
    let mut positions = Vec::new();
    while if stride > 0 { at < end } else { at > end } {
        positions.extend(usize::try_from(at));
        at = at.saturating_add(stride);
    }
    positions
}
