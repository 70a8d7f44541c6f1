//! Dicts of which it is not known whether some keys are there: `if prod: options['pool'] = 'big'`.
//! What is made of such a dict by `**`, `dict(…)` or `update` has those keys, or has not.

use super::{Host, Interp, Key, Unknown, Value};
use crate::python::value::{Args, Argument, At, Dict, Object, Ref};
use std::rc::Rc;

/// The content of a dict, as far as it is known.
pub(super) struct Content {
    /// Keys and values.
    pub(super) sure: Vec<(Value, Value)>,
    /// Those that may be missing.
    pub(super) maybe: Vec<(Value, Value)>,
    /// Why they may be; none if the dict is known.
    pub(super) why: Option<Rc<Unknown>>,
}

impl<H: Host> Interp<'_, H> {
    /// What a dict holds and what more it may hold; `None` where that is not known.
    pub(super) fn content(&mut self, value: &Value, at: At) -> Option<Content> {
        if let Some(sure) = self.dict_pairs(value) {
            return Some(Content { sure, maybe: Vec::new(), why: None });
        }
        match value {
            Value::Object(object) => {
                let why = self.hazy(*object)?;
                let Object::Dict(dict) = self.object(*object) else { return None };
                if !dict.is_closed() {
                    return None;
                }
                let (mut sure, mut maybe) = (Vec::new(), Vec::new());
                for (key, written, settled) in dict.written() {
                    let value = dict.get(&key)?.clone();
                    if settled { &mut sure } else { &mut maybe }.push((written, value));
                }
                Some(Content { sure, maybe, why: Some(why) })
            }
            Value::OneOf(values) => self.content_of_one(values, &self.why(value, at)),
            _ => None,
        }
    }

    /// What one of several dicts holds: what all of them hold for certain.
    fn content_of_one(&mut self, values: &[Value], why: &Rc<Unknown>) -> Option<Content> {
        let mut dicts = Vec::new();
        for value in values {
            if matches!(value, Value::OneOf(_)) {
                return None;
            }
            let content = self.content(value, why.at)?;
            let mut dict = Dict::default();
            dict.close();
            if !self.pour(&mut dict, content) {
                return None;
            }
            dicts.push(dict);
        }
        let (mut sure, mut maybe) = (Vec::new(), Vec::new());
        let mut seen = std::collections::BTreeSet::new();
        for (key, written, _) in dicts.iter().flat_map(Dict::written) {
            if !seen.insert(key.clone()) {
                continue;
            }
            let found: Vec<_> = dicts.iter().filter_map(|dict| dict.get(&key)).cloned().map(Some).collect();
            let merged = self.merge(&found, why);
            let everywhere = dicts.iter().all(|dict| dict.is_settled(&key));
            if everywhere { &mut sure } else { &mut maybe }.push((written, merged));
        }
        Some(Content { sure, maybe, why: Some(why.clone()) })
    }

    /// Adds to a dict what another holds; `false` where a key has no place in a dict.
    pub(super) fn pour(&mut self, dict: &mut Dict, content: Content) -> bool {
        let Content { sure, maybe, why } = content;
        if why.is_some() {
            dict.close();
        }
        for (written, value) in sure {
            match self.key(&written) {
                Some(key) => dict.insert(key, written, value),
                None => return false,
            }
        }
        for (written, value) in maybe {
            let (Some(key), Some(why)) = (self.key(&written), &why) else { return false };
            // It is there anyway: what it gives is either.
            let merged = match dict.get(&key).cloned() {
                Some(before) => self.merge(&[Some(value), Some(before)], &why.clone()),
                None => value,
            };
            dict.insert_maybe(&key, written, merged);
        }
        true
    }

    /// The dict that a value becomes as a cell, where some of its keys may be missing.
    pub(super) fn new_open_dict(&mut self, dict: Dict, why: Option<Rc<Unknown>>) -> Value {
        let value = self.new_object(Object::Dict(dict));
        if let (Some(why), Value::Object(object)) = (why, &value) {
            self.heap[object.0].hazy = Some(why);
        }
        value
    }

    /// Adds to a dict of the heap what another holds.
    pub(super) fn pour_into(&mut self, object: Ref, content: Content) -> bool {
        let why = content.why.clone();
        // What may not happen at all is not followed.
        if why.is_some() && !self.rest.is_empty() {
            return false;
        }
        let before = self.hazy(object);
        let Object::Dict(dict) = self.change(object) else { return false };
        if why.is_some() && before.is_some() && !dict.is_closed() {
            return false;
        }
        let mut changed = std::mem::take(dict);
        if before.is_none() && why.is_some() {
            changed.renew();
        }
        let poured = self.pour(&mut changed, content);
        let cell = &mut self.heap[object.0];
        cell.object = Object::Dict(changed);
        if let Some(why) = why {
            cell.hazy.get_or_insert(why);
        }
        poured
    }

    /// `get`, `pop` and `setdefault` of a dict of which some keys may be missing.
    pub(super) fn open_dict_method(
        &mut self,
        object: Ref,
        name: &str,
        (key, why): (&Key, &Rc<Unknown>),
        args: &Args,
    ) -> Option<Value> {
        let Object::Dict(dict) = self.object(object) else { return None };
        if !dict.is_closed() || !matches!(name, "get" | "pop" | "setdefault") || args.unknown.is_some() {
            return None;
        }
        let (found, settled) = (dict.get(key).cloned(), dict.is_settled(key));
        let default = args.value(1, "default").cloned();
        // What may raise a KeyError is not followed.
        if name == "pop" && !settled && default.is_none() {
            return None;
        }
        let default = default.unwrap_or(Value::None);
        let value = match found {
            Some(value) if settled => value,
            Some(value) => self.merge(&[Some(value), Some(default)], why),
            None => default,
        };
        if name != "get" {
            let written = args.positional.first()?.value.clone();
            if let Object::Dict(dict) = self.change(object) {
                if name == "pop" {
                    dict.remove(key);
                } else {
                    dict.insert(key.clone(), written, value.clone());
                }
            }
        }
        Some(value)
    }

    /// `key in dict`, where some keys of the dict may be missing.
    pub(super) fn open_dict_has(&self, dict: &Value, key: &Value) -> Option<bool> {
        let Value::Object(object) = dict else { return None };
        let Object::Dict(dict) = self.object(*object) else { return None };
        let key = self.key(key)?;
        match dict.get(&key) {
            _ if !dict.is_closed() => None,
            Some(_) => dict.is_settled(&key).then_some(true),
            None => Some(false),
        }
    }

    /// Adds to a call the arguments that `**` makes of a dict; `false` where the dict is not known.
    pub(super) fn add_keywords(&mut self, args: &mut Args, value: &Value, at: At) -> bool {
        let Some(Content { sure, maybe, why }) = self.content(value, at) else { return false };
        let named = |pairs: Vec<(Value, Value)>| {
            pairs
                .into_iter()
                .filter_map(|(key, value)| Some((key.as_str()?.clone(), Argument { value, at })))
                .collect::<Vec<_>>()
        };
        args.keywords.extend(named(sure));
        if let Some(why) = why {
            args.open(why, Some(named(maybe)));
        }
        true
    }
}
