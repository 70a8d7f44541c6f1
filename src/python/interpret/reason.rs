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
            Some(inner) => {
                // What comes out of something that holds code of the tree may be that code,
                // wherever the index or the argument comes from.
                let root = inner.root.clone().filter(|_| !parts.iter().any(|part| self.holds_code(part, 6)));
                Unknown { affix: None, text: short(text), root, ..Unknown::clone(&inner) }
            }
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

    /// Whether a value is, or holds, something that runs code of the tree or makes objects of the
    /// host when it is called.
    pub(crate) fn holds_code(&self, value: &Value, depth: usize) -> bool {
        /// A container that holds none among so many holds none.
        const LOOKED_AT: usize = 64;
        let any = |items: &[Value]| items.iter().take(LOOKED_AT).any(|item| self.holds_code(item, depth - 1));
        match value {
            // Too deep to be looked at: it may.
            _ if depth == 0 => true,
            Value::OneOf(values) => any(values),
            Value::Module(_) | Value::Host(_) => true,
            Value::Outside(path) => super::call::names_class(path),
            Value::Object(object) => match self.object(*object) {
                Object::List(items) | Object::Tuple(items) => any(&items.items),
                Object::Set(items) => any(items),
                Object::Dict(dict) => dict.values().take(LOOKED_AT).any(|item| self.holds_code(item, depth - 1)),
                Object::Instance(_)
                | Object::Function(_)
                | Object::Class(_)
                | Object::Bound { .. }
                | Object::Super { .. }
                | Object::Partial { .. }
                | Object::Globals(_)
                | Object::StaticMethod(_)
                | Object::ClassMethod(_)
                | Object::ContextFunction(_)
                | Object::Cached(_)
                | Object::Lazy(_) => true,
                Object::Method { receiver, .. } => self.holds_code(receiver, depth - 1),
                Object::Property { .. } | Object::CachedProperty(_) | Object::Standard(_) | Object::Manager(_) => false,
            },
            _ => false,
        }
    }

    /// Whether a value is, or holds, a function or a class of the tree.
    pub(super) fn hands_code(&self, value: &Value, depth: usize) -> bool {
        let any = |items: &[Value]| depth > 0 && items.iter().take(64).any(|item| self.hands_code(item, depth - 1));
        let Value::Object(object) = value else { return false };
        match self.object(*object) {
            Object::List(items) | Object::Tuple(items) => any(&items.items),
            Object::Dict(dict) => depth > 0 && dict.values().take(64).any(|item| self.hands_code(item, depth - 1)),
            Object::Function(_)
            | Object::Class(_)
            | Object::Bound { .. }
            | Object::Cached(_)
            | Object::Partial { .. } => true,
            _ => false,
        }
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
