//! Why a value is not known, and what went into it.

use super::{Host, Interp};
use crate::python::standard::Standard;
use crate::python::value::{At, Lazy, Object, Unknown, Value, short};
use std::rc::Rc;

impl<H: Host> Interp<'_, H> {
    /// Why a value is not known; for one that is, that it cannot be used so.
    pub(crate) fn why(&self, value: &Value, at: At) -> Rc<Unknown> {
        if let Value::Object(object) = value
            && let Some(why) = self.hazy(*object)
        {
            let mut unknown = Unknown::clone(&why);
            unknown.text = short(format!("object@{}", why.text));
            return Rc::new(unknown);
        }
        match value {
            Value::Unknown(unknown) => unknown.clone(),
            Value::Outside(path) => {
                let mut unknown = Unknown::new(format!("`{path}` is outside the tree"), at, path.clone());
                unknown.root = Some(path.clone());
                Rc::new(unknown)
            }
            Value::OneOf(values) => {
                let inner = values.iter().find_map(Value::unknown);
                let reason = inner.map_or_else(|| "one of several values".into(), |inner| inner.reason.clone());
                Rc::new(Unknown::new(reason, at, self.text(value)))
            }
            other => Rc::new(Unknown::new("a value that is not evaluated", at, self.text(other))),
        }
    }

    /// A value made of others by something that is not evaluated.
    pub(crate) fn unknown_from(&self, parts: &[Value], how: &str, at: At) -> Value {
        let texts: Vec<_> = parts.iter().map(|part| self.text(part)).collect();
        let text = format!("{how}({})", texts.join(", "));
        let mut unknown = match parts.iter().find_map(Value::unknown) {
            Some(inner) => Unknown { affix: None, text: short(text), ..Unknown::clone(&inner) },
            None => match parts.iter().find_map(Value::outside_path) {
                Some(path) => {
                    let mut unknown = Unknown::new(format!("`{path}` is outside the tree"), at, text);
                    unknown.root = Some(path.clone());
                    unknown
                }
                None => Unknown::new(format!("`{how}` is not evaluated"), at, text),
            },
        };
        unknown.tail = None;
        if unknown.root.is_none() && parts.iter().any(|part| self.is_path(part)) {
            unknown.root = Some("pathlib.Path".into());
        }
        unknown.hosts = self.hosts_in_all(parts);
        unknown.value()
    }

    fn is_path(&self, value: &Value) -> bool {
        match value {
            Value::Object(object) => match self.object(*object) {
                Object::Standard(standard) => matches!(standard, Standard::Path(_)),
                _ => false,
            },
            _ => false,
        }
    }

    /// The host objects in a value, through containers.
    pub(crate) fn hosts_in(&self, value: &Value) -> Vec<super::HostRef> {
        let mut found = Vec::new();
        self.collect_hosts(value, 12, &mut found);
        found.sort();
        found.dedup();
        found
    }

    pub(super) fn hosts_in_all(&self, values: &[Value]) -> Vec<super::HostRef> {
        let mut found = Vec::new();
        for value in values {
            self.collect_hosts(value, 12, &mut found);
        }
        found.sort();
        found.dedup();
        found
    }

    fn collect_hosts(&self, value: &Value, depth: usize, found: &mut Vec<super::HostRef>) {
        if depth == 0 || found.len() > 4096 {
            return;
        }
        match value {
            Value::Unknown(unknown) => found.extend(unknown.hosts.iter().copied()),
            Value::OneOf(values) => values.iter().for_each(|value| self.collect_hosts(value, depth - 1, found)),
            Value::Object(object) => match self.object(*object) {
                Object::List(items) | Object::Tuple(items) => {
                    items.items.iter().for_each(|item| self.collect_hosts(item, depth - 1, found));
                }
                Object::Set(items) => items.iter().for_each(|item| self.collect_hosts(item, depth - 1, found)),
                Object::Dict(dict) => {
                    dict.pairs().iter().for_each(|(_, value)| self.collect_hosts(value, depth - 1, found));
                }
                Object::Instance(instance) => match instance.host {
                    Some(host) => found.push(host),
                    None => instance.attributes.values().for_each(|value| self.collect_hosts(value, depth - 1, found)),
                },
                Object::Partial { args, .. } => {
                    args.all().for_each(|arg| self.collect_hosts(&arg.value, depth - 1, found));
                }
                Object::Lazy(Lazy::Items { items, .. }) => {
                    items.iter().for_each(|item| self.collect_hosts(item, depth - 1, found));
                }
                Object::Bound { receiver, .. } | Object::Method { receiver, .. } => {
                    self.collect_hosts(receiver, depth - 1, found);
                }
                _ => {}
            },
            Value::Host(host) => found.push(*host),
            _ => {}
        }
    }
}
