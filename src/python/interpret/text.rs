//! The canonical text of values.

use super::{Host, Interp};
use crate::python::value::{Lazy, Object, Ref, Text, Value};

impl<H: Host> Interp<'_, H> {
    /// Canonical text: equal values of equal text, whatever they are called.
    pub(crate) fn text(&self, value: &Value) -> String {
        let mut out = String::new();
        self.write_text(value, 10, &mut out);
        out
    }

    fn write_text(&self, value: &Value, depth: usize, out: &mut String) {
        use std::fmt::Write as _;
        if depth == 0 || out.len() > 64 * 1024 {
            out.push('…');
            return;
        }
        match value {
            Value::None => out.push_str("None"),
            Value::Ellipsis => out.push_str("..."),
            Value::Bool(value) => out.push_str(if *value { "True" } else { "False" }),
            Value::Int(value) => {
                let _ = write!(out, "{value}");
            }
            Value::Float(value) => {
                let _ = write!(out, "{value:?}");
            }
            Value::Str(Text { text, .. }) => {
                // Most texts have nothing to escape.
                if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
                    out.push('"');
                    out.push_str(text);
                    out.push('"');
                } else {
                    let _ = write!(out, "{text:?}");
                }
            }
            Value::Bytes(bytes) => {
                let _ = write!(out, "b{:?}", String::from_utf8_lossy(bytes));
            }
            Value::Module(key) => {
                let _ = write!(out, "module {key:?}");
            }
            Value::Outside(path) => out.push_str(path),
            Value::Host(host) => out.push_str(&H::text(self, *host)),
            Value::OneOf(values) => {
                out.push_str("one of ");
                self.write_texts(values, "(", ")", depth, out);
            }
            Value::Unknown(unknown) => out.push_str(&unknown.text),
            Value::Object(object) => self.write_object(*object, depth, out),
        }
    }

    fn write_texts(&self, values: &[Value], open: &str, close: &str, depth: usize, out: &mut String) {
        out.push_str(open);
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            self.write_text(value, depth - 1, out);
        }
        out.push_str(close);
    }

    fn write_object(&self, object: Ref, depth: usize, out: &mut String) {
        if let Some(why) = self.hazy(object) {
            out.push_str("partly ");
            out.push_str(&why.text);
            out.push(' ');
        }
        match self.object(object) {
            Object::List(items) => self.write_texts(&items.items, "[", "]", depth, out),
            Object::Tuple(items) => self.write_texts(&items.items, "(", ")", depth, out),
            Object::Set(items) => self.write_texts(items, "{", "}", depth, out),
            Object::Dict(dict) => {
                out.push('{');
                for (index, (key, value)) in dict.pairs().iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    self.write_text(key, depth - 1, out);
                    out.push_str(": ");
                    self.write_text(value, depth - 1, out);
                }
                out.push('}');
            }
            Object::Function(function) => {
                out.push_str("function ");
                out.push_str(&crate::python::canonical::function(&function.def));
            }
            Object::Class(class) => {
                out.push_str("class ");
                out.push_str(&class.path);
            }
            Object::Instance(instance) => {
                if let Some(host) = instance.host {
                    out.push_str(&H::text(self, host));
                } else {
                    if let Object::Class(class) = self.object(instance.class) {
                        out.push_str(&class.path);
                    }
                    let values: Vec<Value> = instance.attributes.values().chain(&instance.held).cloned().collect();
                    self.write_texts(&values, "(", ")", depth, out);
                }
            }
            Object::Bound { receiver, function } => {
                self.write_text(receiver, depth - 1, out);
                out.push('.');
                if let Object::Function(function) = self.object(*function) {
                    out.push_str(&function.def.name);
                }
            }
            Object::Method { receiver, name } => {
                self.write_text(receiver, depth - 1, out);
                out.push('.');
                out.push_str(name);
            }
            Object::Partial { function, args } => {
                out.push_str("partial ");
                self.write_text(function, depth - 1, out);
                let values: Vec<Value> = args.all().map(|arg| arg.value.clone()).collect();
                self.write_texts(&values, "(", ")", depth, out);
            }
            Object::Standard(standard) => out.push_str(&standard.text()),
            Object::Super { .. } => out.push_str("super()"),
            Object::Lazy(Lazy::Items { items, .. }) => self.write_texts(items, "iter(", ")", depth, out),
            Object::Lazy(_) => out.push_str("iterator"),
            Object::Manager(_) => out.push_str("context"),
            Object::Globals(_) => out.push_str("globals()"),
            Object::Cached(cached) => self.write_text(&cached.function, depth - 1, out),
            Object::Property { get: value, .. }
            | Object::CachedProperty(value)
            | Object::StaticMethod(value)
            | Object::ClassMethod(value)
            | Object::ContextFunction(value) => {
                self.write_text(value, depth - 1, out);
            }
        }
    }
}
