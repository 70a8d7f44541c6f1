//! `__dict__` of an instance: a dict whose changes are the instance's.
//!
//! Invariant: from the first reading of it on, or from where it is replaced, what the instance has
//! of its own is read from that dict; what is set is set in both.

use super::{Host, Interp, Key};
use crate::python::syntax::Name;
use crate::python::value::{At, Dict, Instance, Object, Ref, Stop, Unknown, Value};
use std::rc::Rc;

impl<H: Host> Interp<'_, H> {
    /// The dict of an instance; `None` for what is more than an instance of the tree's classes, or
    /// not known as a whole.
    pub(super) fn own_dict(&mut self, reference: Ref, at: At) -> Option<Value> {
        let Object::Instance(instance) = self.object(reference) else { return None };
        if let Some(dict) = instance.dict {
            return Some(Value::Object(dict));
        }
        if instance.host.is_some() || self.hazy(reference).is_some() {
            return None;
        }
        let instance = instance.clone();
        self.opened.insert(reference);
        let mut left = instance.attributes;
        let mut pairs = Vec::new();
        for name in self.field_names(instance.class).unwrap_or_default() {
            pairs.extend(left.remove_entry(&name));
        }
        // The order in which they were set is not kept.
        let ordered = left.len() < 2 && (left.is_empty() || pairs.is_empty());
        pairs.extend(left);
        let mut dict = Dict::default();
        let keys: Vec<Key> = pairs.iter().map(|(name, _)| Key::Str(name.clone())).collect();
        for (name, value) in pairs {
            dict.insert(Key::Str(name.clone()), Value::str(name), value);
        }
        let made = self.heap_object(Object::Dict(dict));
        if !ordered {
            let why = Unknown::new("the order of an instance's attributes is not kept", at, "__dict__");
            self.set_hazy(made, Rc::new(why));
            if let Object::Dict(dict) = self.change(made) {
                dict.close_with(&keys);
            }
        }
        if let Object::Instance(instance) = self.change(reference) {
            instance.dict = Some(made);
        }
        Some(Value::Object(made))
    }

    /// `instance.__dict__ = value`
    pub(super) fn replace_own_dict(&mut self, reference: Ref, value: &Value, at: At) {
        let dict = match value {
            Value::Object(object) => match self.object(*object) {
                Object::Dict(_) => Some(*object),
                Object::Instance(Instance { held: Some(Value::Object(held)), .. })
                    if matches!(self.object(*held), Object::Dict(_)) =>
                {
                    Some(*held)
                }
                _ => None,
            },
            _ => None,
        };
        let dict = dict.unwrap_or_else(|| {
            let why = self.why(value, at);
            self.unknown_dict(why)
        });
        self.opened.insert(reference);
        match self.change(reference) {
            Object::Instance(instance) if instance.host.is_none() => instance.dict = Some(dict),
            _ => {
                let why = self.why(value, at);
                self.set_hazy(reference, why);
            }
        }
    }

    pub(super) fn unknown_dict(&mut self, why: Rc<Unknown>) -> Ref {
        let dict = self.heap_object(Object::Dict(Dict::default()));
        self.set_hazy(dict, why);
        dict
    }

    /// What an instance has of its own; `None` if that is certainly nothing, or if it may be
    /// nothing and its class has a method of that name.
    pub(super) fn own_attribute(&self, instance: &Instance, name: &Name) -> Option<Value> {
        let Some(reference) = instance.dict else { return instance.attributes.get(name).cloned() };
        let Object::Dict(dict) = self.object(reference) else { return None };
        let key = Key::Str(name.clone());
        let Some(why) = self.hazy(reference) else { return dict.get(&key).cloned() };
        match dict.get(&key) {
            Some(value) if dict.is_settled(&key) => Some(value.clone()),
            None if dict.is_closed() || name.starts_with("__") || self.is_method(instance.class, name) => None,
            _ => Some(Unknown { affix: None, ..Unknown::clone(&why) }.value()),
        }
    }

    fn is_method(&self, class: Ref, name: &Name) -> bool {
        let found = self.find_in_class(class, name, None);
        matches!(found, Some((Ok(Value::Object(object)), _)) if matches!(
            self.object(object),
            Object::Function(_) | Object::Property { .. } | Object::CachedProperty(_) | Object::StaticMethod(_)
                | Object::ClassMethod(_)
        ))
    }

    /// Sets in the dict of an instance what is set on the instance.
    pub(super) fn keep_in_own_dict(&mut self, reference: Ref, name: &Name, value: Value, at: At) -> Result<(), Stop> {
        match self.object(reference) {
            Object::Instance(Instance { dict: Some(dict), .. }) => {
                let dict = Value::Object(*dict);
                self.set_item(&dict, &Value::str(name.clone()), value, at)
            }
            _ => Ok(()),
        }
    }
}
