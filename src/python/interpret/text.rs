//! The canonical text of values.

use super::{Host, Interp};
use crate::python::canonical;
use crate::python::syntax::{Arg, ExprKind, Function, ParameterKind, StmtKind, without_docstring};
use crate::python::value::{FunctionObject, Lazy, Object, Ref, Text, Value};

impl<H: Host> Interp<'_, H> {
    /// Canonical text: equal values of equal text, whatever they are called.
    pub(crate) fn text(&self, value: &Value) -> String {
        // Most are texts, in quotes.
        let length = if let Value::Str(text) = value { text.text.len() + 2 } else { 0 };
        let mut out = String::with_capacity(length);
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
                out.push_str(&canonical::function_doing(&function.def, &self.does(function).def));
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

    /// The function of the same module that does the work: one that only hands its own parameters on to
    /// another, under their names, does what that one does.
    fn does<'f>(&'f self, function: &'f FunctionObject) -> &'f FunctionObject {
        let mut inner = function;
        for _ in 0..8 {
            let Some(name) = handed_on(&inner.def).filter(|_| self.is_module(inner.scope)) else { break };
            let Some(Value::Object(next)) = self.scopes[inner.scope.0].names.get(name) else { break };
            let Object::Function(next) = self.object(*next) else { break };
            let same = |one: &Function, other: &Function| {
                let names = |def: &Function| -> Option<Vec<String>> {
                    let plain = |kind| matches!(kind, ParameterKind::Plain);
                    let all = def.parameters.iter();
                    all.map(|parameter| plain(parameter.kind).then(|| parameter.name.to_string())).collect()
                };
                names(one).is_some() && names(one) == names(other)
            };
            if next.scope != inner.scope || next.def.is_async != inner.def.is_async || !same(&next.def, &inner.def) {
                break;
            }
            inner = next;
        }
        inner
    }
}

/// The name that a function calls with its own parameters in their order, if that is all that it does.
fn handed_on(def: &Function) -> Option<&str> {
    let [only] = without_docstring(&def.body) else { return None };
    let StmtKind::Return(Some(value)) = &only.kind else { return None };
    let ExprKind::Call(callee, args) = &value.kind else { return None };
    let ExprKind::Name(name) = &callee.kind else { return None };
    let own = |(arg, at): (&Arg, usize)| match arg {
        Arg::Positional(value) => {
            matches!(&value.kind, ExprKind::Name(name) if def.parameters.get(at).is_some_and(|own| own.name == *name))
        }
        _ => false,
    };
    (args.len() == def.parameters.len() && args.iter().zip(0..).all(own)).then_some(&**name)
}
