//! Truth and iteration: what a value is to a condition and to a loop.

use super::{Host, Interp};
use crate::python::value::{At, Object, Stop, Unknown, Value, short};
use std::rc::Rc;

/// Either the items, or why they are not known and what one of them would be.
pub(crate) type Items = Result<Vec<Value>, (Rc<Unknown>, Value)>;

impl<H: Host> Interp<'_, H> {
    /// Whether a qualified name of something outside is that of a class, by its form.
    pub(super) fn names_class(path: &str) -> bool {
        let name = path.rsplit('.').next().unwrap_or(path);
        name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase)
    }

    pub(crate) fn truth(&self, value: &Value, at: At) -> Result<bool, Rc<Unknown>> {
        if let Some(held) = self.held(value) {
            return self.truth(held, at);
        }
        Ok(match value {
            Value::None => false,
            Value::Ellipsis | Value::Module(_) | Value::Host(_) => true,
            Value::Bool(value) => *value,
            Value::Int(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Str(text) => !text.text.is_empty(),
            Value::Bytes(bytes) => !bytes.is_empty(),
            Value::Unknown(unknown) => match &unknown.affix {
                Some((prefix, suffix)) if !prefix.is_empty() || !suffix.is_empty() => true,
                _ => return Err(unknown.clone()),
            },
            Value::OneOf(values) => {
                let mut truths = values.iter().map(|value| self.truth(value, at));
                let first = truths.next().unwrap_or(Ok(false)).map_err(|_| self.why(value, at))?;
                if truths.any(|truth| !matches!(truth, Ok(truth) if truth == first)) {
                    return Err(self.why(value, at));
                }
                first
            }
            // A class or function of a library; constants like `sys.platform` are not known.
            Value::Outside(path) => match path.strip_prefix("builtins.") {
                Some(_) => true,
                None if Self::names_class(path) => true,
                None => return Err(self.why(value, at)),
            },
            Value::Object(_) if self.unordered_items(value).is_some_and(|items| !items.is_empty()) => true,
            Value::Object(object) => match (self.hazy(*object), self.object(*object)) {
                (None, Object::List(items) | Object::Tuple(items)) => !items.items.is_empty(),
                (None, Object::Set(items)) => !items.is_empty(),
                (None, Object::Dict(dict)) => dict.len() > 0,
                (_, Object::Standard(standard)) => standard.truth(),
                (_, Object::Instance(_)) if self.has_truth_of_its_own(*object) => return Err(self.why(value, at)),
                (Some(why), Object::List(_) | Object::Tuple(_) | Object::Set(_) | Object::Dict(_)) => return Err(why),
                _ => true,
            },
        })
    }

    pub(crate) fn iterate(&mut self, value: &Value, at: At) -> Result<Items, Stop> {
        if let Some(items) = self.items(value) {
            let mut items = items.to_vec();
            self.work(items.len(), at)?;
            if let Value::Object(object) = value
                && matches!(self.object(*object), Object::Set(_))
            {
                items = self.shuffled(items, at);
            }
            return Ok(Ok(items));
        }
        if let Some(items) = self.unordered_items(value) {
            return Ok(Ok(self.shuffled(items, at)));
        }
        if let Some(pairs) = self.dict_pairs(value) {
            return Ok(Ok(pairs.into_iter().map(|(key, _)| key).collect()));
        }
        match value {
            Value::Str(text) => {
                return Ok(Ok(text.text.chars().map(|c| Self::text_value(c.to_string(), at)).collect()));
            }
            Value::Object(object) => {
                if let Some(items) = self.standard_items(*object) {
                    return Ok(Ok(items));
                }
                if let Object::Lazy(_) = self.object(*object) {
                    return self.collect(*object, at);
                }
                if let Object::Class(_) = self.object(*object)
                    && let Some(members) = self.enum_members(*object)
                {
                    return Ok(members.map_err(|why| {
                        let element = Unknown { affix: None, ..Unknown::clone(&why) };
                        (why, element.value())
                    }));
                }
                if let Some(host) = self.host_of(value)
                    && let Some(items) = H::iterate(self, host, at)?
                {
                    return Ok(Ok(items));
                }
                if let Object::Instance(_) = self.object(*object)
                    && let Some(method) = self.find_method(value, "__iter__")
                {
                    let items = self.call_with(&method, Vec::new(), at)?;
                    let lazy = matches!(&items, Value::Object(made) if matches!(self.object(*made), Object::Lazy(_)));
                    if lazy || self.items(&items).is_some() {
                        return self.iterate(&items, at);
                    }
                    if let Some(items) = self.items_of_iterator(&items, at)? {
                        return Ok(Ok(items));
                    }
                }
                if let Some(items) = self.items_by_index(value, at)? {
                    return Ok(Ok(items));
                }
                if let Some(held) = self.held(value).cloned() {
                    return self.iterate(&held, at);
                }
            }
            Value::Outside(path) => {
                if let Some(names) = super::library::moment::names(path) {
                    return Ok(Ok(names));
                }
            }
            Value::Host(host) => {
                if let Some(items) = H::iterate(self, *host, at)? {
                    return Ok(Ok(items));
                }
            }
            Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
                return self.raise("TypeError", "not iterable", at);
            }
            _ => {}
        }
        let why = self.why(value, at);
        let mut element = Unknown::clone(&why);
        element.text = short(format!("each of {}", why.text));
        element.affix = None;
        Ok(Err((why, element.value())))
    }

    /// The items of something that has no order (a set, the files of a folder), in the order of
    /// this evaluation. What comes of it is certain only if another evaluation agrees.
    pub(crate) fn shuffled(&mut self, mut items: Vec<Value>, at: At) -> Vec<Value> {
        if items.len() < 2 || small_numbers(&items) {
            return items;
        }
        self.chances.insert((at, "depends on the order of something that has none, as a set"));
        match self.variation {
            0 => {}
            1 => items.reverse(),
            _ => items.rotate_left(1),
        }
        items
    }
}

/// Whether a set of these is iterated in the order of the numbers: each lies in its own place of
/// the hash table (measured on CPython 3.8 to 3.13).
fn small_numbers(items: &[Value]) -> bool {
    let places = i64::try_from(items.len()).unwrap_or(i64::MAX).saturating_mul(3) / 2;
    items.iter().all(|item| matches!(item, Value::Int(number) if (0..places.max(8)).contains(number)))
}
