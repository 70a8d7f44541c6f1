//! Calls and attributes.

use super::{BOUNDS, Flow, Frame, Host, Interp};
use crate::python::syntax::{Name, ParameterKind};
use crate::python::value::{
    Args, Argument, At, Dict, FunctionObject, ModuleKey, Object, Ref, Sequence, Stop, Unknown, Value, short,
};
use std::collections::BTreeSet;
use std::rc::Rc;

impl<H: Host> Interp<'_, H> {
    pub(crate) fn call(&mut self, callee: &Value, args: Args, at: At) -> Result<Value, Stop> {
        self.step(at)?;
        self.deeper(at, |interp| interp.call_kind(callee, args, at))
    }

    fn call_kind(&mut self, callee: &Value, args: Args, at: At) -> Result<Value, Stop> {
        match callee {
            Value::Outside(path) => self.call_outside(&path.clone(), &args, at),
            Value::Host(host) => match H::call_object(self, *host, &args, at)? {
                Some(value) => Ok(value),
                None => Ok(self.opaque_call(callee, &args, at)),
            },
            Value::Object(object) => self.call_object(*object, args, at),
            Value::OneOf(values) => {
                // Alternatives that are all outside are the same thing from different places.
                match values.iter().find(|value| matches!(value, Value::Outside(_))) {
                    Some(first) if values.iter().all(|value| matches!(value, Value::Outside(_))) => {
                        self.call(&first.clone(), args, at)
                    }
                    _ => Ok(self.opaque_call(callee, &args, at)),
                }
            }
            _ => Ok(self.opaque_call(callee, &args, at)),
        }
    }

    fn call_outside(&mut self, path: &str, args: &Args, at: At) -> Result<Value, Stop> {
        if let Some(name) = path.strip_prefix("builtins.") {
            if let Some(value) = self.call_builtin(name, args, at)? {
                return Ok(value);
            }
            H::outside_call(self, &Value::outside(path), args, at);
            let parts: Vec<Value> = args.all().map(|arg| arg.value.clone()).collect();
            let mut value = self.unknown_from(&parts, name, at);
            if let Value::Unknown(unknown) = &mut value {
                Rc::make_mut(unknown).root.get_or_insert_with(|| path.into());
            }
            return Ok(value);
        }
        if let Some(value) = self.call_library(path, args, at)? {
            return Ok(value);
        }
        if let Some(value) = H::call(self, path, args, at)? {
            return Ok(value);
        }
        Ok(self.opaque_call(&Value::outside(path), args, at))
    }

    /// A call of something that is not in the tree and means nothing to the host.
    pub(crate) fn opaque_call(&mut self, callee: &Value, args: &Args, at: At) -> Value {
        self.may_raise += 1;
        H::outside_call(self, callee, args, at);
        // What is handed out may be changed there.
        for arg in args.all() {
            if let Value::Object(object) = &arg.value
                && matches!(self.object(*object), Object::List(_) | Object::Dict(_) | Object::Set(_))
                && !is_reader(callee)
            {
                let why = self.why(callee, at);
                let mut why = Unknown::clone(&why);
                why.reason = format!("changed by `{}`, which is not in the tree", self.text(callee)).into();
                why.at = at;
                if self.is_variable(*object) {
                    self.set_hazy(*object, Rc::new(why));
                }
            }
        }
        let root = match callee {
            Value::Outside(path) => Some(path.clone()),
            Value::Unknown(unknown) => unknown.root.clone(),
            _ => None,
        };
        let reason = match callee {
            Value::Outside(path) => format!("the result of `{path}` is not known").into(),
            Value::Unknown(unknown) => unknown.reason.clone(),
            _ => "the result of a call is not known".into(),
        };
        let mut text = self.text(callee);
        text.push('(');
        for arg in &args.positional {
            text.push_str(&self.text(&arg.value));
            text.push_str(", ");
        }
        for (name, arg) in &args.keywords {
            text.push_str(name);
            text.push('=');
            text.push_str(&self.text(&arg.value));
            text.push_str(", ");
        }
        text.push(')');
        let mut hosts = self.hosts_in(callee);
        for arg in args.all() {
            hosts.extend(self.hosts_in(&arg.value));
        }
        Unknown { reason, at, text: short(text), root, affix: None, tail: None, hosts }.value()
    }

    /// Whether an object can be reached by a name, and so be seen changed.
    fn is_variable(&self, object: Ref) -> bool {
        let holds = |value: &Value| matches!(value, Value::Object(other) if *other == object);
        self.frames.iter().any(|frame| {
            let mut scope = Some(frame.scope);
            while let Some(current) = scope {
                if self.scopes[current.0].names.values().any(holds) {
                    return true;
                }
                scope = self.scopes[current.0].parent.filter(|parent| self.scopes[parent.0].parent.is_some());
            }
            false
        })
    }

    fn call_object(&mut self, object: Ref, args: Args, at: At) -> Result<Value, Stop> {
        match self.object(object).clone() {
            Object::Function(function) => self.call_function(&function, &args, at),
            Object::Bound { receiver, function } => {
                let mut args = args;
                args.positional.insert(0, Argument { value: receiver, at });
                self.call_object(function, args, at)
            }
            Object::Method { receiver, name } => self.call_method(&receiver, &name, &args, at),
            Object::Class(_) => self.instantiate(object, args, at),
            Object::Partial { function, args: first } => {
                let mut all = first;
                all.positional.extend(args.positional);
                for (name, argument) in args.keywords {
                    all.set_keyword(&name, argument);
                }
                all.unknown = all.unknown.or(args.unknown);
                self.call(&function, all, at)
            }
            Object::StaticMethod(inner) | Object::ClassMethod(inner) => self.call(&inner, args, at),
            Object::Instance(_) => match self.find_method(&Value::Object(object), "__call__") {
                Some(method) => self.call(&method, args, at),
                None => Ok(self.opaque_call(&Value::Object(object), &args, at)),
            },
            _ => Ok(self.opaque_call(&Value::Object(object), &args, at)),
        }
    }

    fn call_function(&mut self, function: &FunctionObject, args: &Args, at: At) -> Result<Value, Stop> {
        if function.def.is_async {
            return Ok(Unknown::new("a coroutine", at, format!("coroutine {}", function.def.name)).value());
        }
        if self.frames.len() >= BOUNDS.calls {
            return Err(self.limit("too many calls within calls", at));
        }
        let bound = self.bind(function, args, at)?;
        let scope = self.new_scope(Some(function.scope), false);
        let receiver = bound.first().map(|(_, value)| value.clone());
        for (name, value) in bound {
            self.scopes[scope.0].names.insert(name, value);
        }
        self.frames.push(Frame {
            scope,
            file: function.file,
            class: function.class,
            receiver,
            globals: BTreeSet::new(),
            nonlocals: BTreeSet::new(),
            returns: Vec::new(),
            yields: Vec::new(),
            fields: Vec::new(),
            called_at: at,
        });
        let (conditions, rest) = (self.maybe.len(), self.rest.len());
        let result = self.block(&function.def.body);
        let why = self.rest.get(rest).cloned();
        self.maybe.truncate(conditions);
        self.rest.truncate(rest);
        let Some(frame) = self.frames.pop() else { return Ok(Value::None) };
        let flow = result?;
        if function.def.generator {
            let list = self.new_list(frame.yields);
            if let (Some(why), Value::Object(object)) = (why, &list) {
                self.heap[object.0].hazy = Some(why);
            }
            return Ok(list);
        }
        let value = match flow {
            Flow::Return(value) => value,
            _ => Value::None,
        };
        match why {
            Some(why) if !frame.returns.is_empty() => {
                let values: Vec<Option<Value>> = frame.returns.into_iter().chain([value]).map(Some).collect();
                Ok(self.merge(&values, &why))
            }
            _ => Ok(value),
        }
    }

    /// The parameters of a call by name.
    pub(crate) fn bind(&mut self, function: &FunctionObject, args: &Args, at: At) -> Result<Vec<(Name, Value)>, Stop> {
        let mut bound: Vec<(Name, Value)> = Vec::new();
        let mut positional = args.positional.iter();
        let mut keywords: Vec<&(Name, Argument)> = args.keywords.iter().collect();
        for (index, parameter) in function.def.parameters.iter().enumerate() {
            let value = match parameter.kind {
                ParameterKind::Star => {
                    let (items, at): (Vec<_>, Vec<_>) =
                        positional.by_ref().map(|arg| (arg.value.clone(), arg.at)).unzip();
                    self.new_object(Object::Tuple(Sequence { items, at }))
                }
                ParameterKind::DoubleStar => {
                    let mut dict = Dict::default();
                    for (name, argument) in keywords.drain(..) {
                        dict.insert(super::Key::Str(name.clone()), Value::str(name.clone()), argument.value.clone());
                    }
                    let value = self.new_object(Object::Dict(dict));
                    if let (Some(why), Value::Object(object)) = (&args.unknown, &value) {
                        self.heap[object.0].hazy = Some(why.clone());
                    }
                    value
                }
                ParameterKind::Plain | ParameterKind::KeywordOnly => {
                    let given = if parameter.kind == ParameterKind::Plain { positional.next() } else { None };
                    let given = match given {
                        Some(given) => Some(given.value.clone()),
                        None => keywords
                            .iter()
                            .position(|(name, _)| *name == parameter.name)
                            .map(|position| keywords.remove(position).1.value.clone()),
                    };
                    match (given, &args.unknown, function.defaults.get(index).and_then(Option::as_ref)) {
                        (Some(value), _, _) => value,
                        (None, Some(why), _) => {
                            let text = format!("{} of {}", parameter.name, why.text);
                            Unknown { text: short(text), affix: None, ..Unknown::clone(why) }.value()
                        }
                        (None, None, Some(default)) => default.clone(),
                        (None, None, None) => {
                            let message = format!("{}() misses the argument `{}`", function.def.name, parameter.name);
                            return self.raise("TypeError", message, at);
                        }
                    }
                }
            };
            bound.push((parameter.name.clone(), value));
        }
        if positional.next().is_some() {
            return self.raise("TypeError", format!("{}() takes fewer arguments", function.def.name), at);
        }
        if let Some((name, _)) = keywords.first() {
            return self.raise("TypeError", format!("{}() has no argument `{name}`", function.def.name), at);
        }
        Ok(bound)
    }

    pub(super) fn apply_decorator(&mut self, callee: &Value, value: Value, at: At) -> Result<Value, Stop> {
        let path = match callee {
            Value::Outside(path) => Some(path.clone()),
            Value::Unknown(unknown) => unknown.root.clone(),
            _ => None,
        };
        match path.as_deref() {
            Some("builtins.staticmethod") => return Ok(self.new_object(Object::StaticMethod(value))),
            Some("builtins.classmethod") => return Ok(self.new_object(Object::ClassMethod(value))),
            Some("builtins.property" | "functools.cached_property") => {
                return Ok(self.new_object(Object::Property(value)));
            }
            Some("dataclasses.dataclass" | "attr.s" | "attr.define" | "attrs.define") => {
                if let Value::Object(object) = &value
                    && let Object::Class(class) = self.change(*object)
                {
                    class.dataclass = true;
                }
                return Ok(value);
            }
            Some(path)
                if path.starts_with("functools.")
                    || path.starts_with("abc.")
                    || path.starts_with("typing.")
                    || path.starts_with("typing_extensions.")
                    || path.starts_with("warnings.")
                    || path.starts_with("enum.") =>
            {
                return Ok(value);
            }
            _ => {}
        }
        self.call(callee, Args::positional([value], at), at)
    }

    // --- attributes ---

    pub(crate) fn attribute(&mut self, object: &Value, name: &Name, at: At) -> Result<Value, Stop> {
        Ok(match object {
            Value::Module(key) => self.module_attribute(key, name, at),
            Value::Outside(path) => {
                if let Some(value) = super::library::constant(path, name) {
                    value
                } else {
                    let path = format!("{path}.{name}");
                    self.host.constant(&path).unwrap_or_else(|| Value::outside(path))
                }
            }
            // A member of an enumeration of texts that the host gives as its text.
            Value::Str(_) if &**name == "value" => object.clone(),
            Value::Host(host) => match H::attribute(self, *host, name, at) {
                Some(value) => value,
                None => self.new_object(Object::Method { receiver: object.clone(), name: name.clone() }),
            },
            Value::Object(reference) => return self.object_attribute(*reference, object, name, at),
            Value::OneOf(values) => {
                let mut results = Vec::new();
                for value in values.clone().iter() {
                    results.push(Some(self.attribute(value, name, at)?));
                }
                let why = self.why(object, at);
                self.merge(&results, &why)
            }
            Value::Unknown(unknown) if unknown.affix.is_none() => {
                let text = format!("{}.{name}", unknown.text);
                Unknown { text: short(text), affix: None, ..Unknown::clone(unknown) }.value()
            }
            _ => self.new_object(Object::Method { receiver: object.clone(), name: name.clone() }),
        })
    }

    fn module_attribute(&mut self, key: &ModuleKey, name: &Name, at: At) -> Value {
        if let Some(loaded) = self.modules.get(key)
            && let Some(value) = self.names(loaded.scope).get(name)
        {
            return value.clone();
        }
        if let Some(value) = self.loaded_submodule(key, name) {
            return value;
        }
        Unknown::new(format!("the module has no `{name}` as far as can be seen"), at, &**name).value()
    }

    fn object_attribute(&mut self, reference: Ref, object: &Value, name: &Name, at: At) -> Result<Value, Stop> {
        // Containers may be large: they are not looked into for the name of a method.
        if matches!(self.object(reference), Object::List(_) | Object::Tuple(_) | Object::Set(_) | Object::Dict(_)) {
            return Ok(self.new_object(Object::Method { receiver: object.clone(), name: name.clone() }));
        }
        match self.object(reference).clone() {
            Object::Instance(instance) => {
                if let Some(value) = instance.attributes.get(name) {
                    return Ok(value.clone());
                }
                let outside = match self.find_in_class(instance.class, name, None) {
                    Some((Ok(value), _)) => return self.bind_attribute(&value, object, at),
                    Some((Err(path), _)) => Some(path),
                    None => None,
                };
                if let Some(host) = instance.host {
                    return Ok(match H::attribute(self, host, name, at) {
                        Some(value) => value,
                        None => self.new_object(Object::Method { receiver: Value::Host(host), name: name.clone() }),
                    });
                }
                if &**name == "__class__" {
                    return Ok(Value::Object(instance.class));
                }
                let text = format!("{}.{name}", self.text(object));
                let mut unknown = match self.hazy(reference) {
                    Some(why) => Unknown::clone(&why),
                    None => Unknown::new(format!("the attribute `{name}` is not known"), at, &*text),
                };
                unknown.text = text.into();
                unknown.root = outside;
                Ok(unknown.value())
            }
            Object::Class(class) => {
                match &**name {
                    "__name__" | "__qualname__" => return Ok(Value::str(class.name)),
                    "__module__" => {
                        return Ok(Value::str(class.path.rsplit_once('.').map_or("", |(module, _)| module)));
                    }
                    "__members__" => {
                        return Ok(self.unknown_from(std::slice::from_ref(object), "members", at));
                    }
                    _ => {}
                }
                if let Some(member) = self.enum_member(reference, name) {
                    return Ok(member);
                }
                match self.find_in_class(reference, name, None) {
                    Some((Ok(value), _)) => Ok(self.bind_class_attribute(&value, object)),
                    Some((Err(_), _)) if &**name == "partial" => {
                        Ok(self.new_object(Object::Method { receiver: object.clone(), name: name.clone() }))
                    }
                    Some((Err(path), _)) => Ok(Value::outside(format!("{path}.{name}"))),
                    None => Ok(Unknown::new(
                        format!("the attribute `{name}` is not known"),
                        at,
                        format!("{}.{name}", class.path),
                    )
                    .value()),
                }
            }
            Object::Super { receiver, class } => {
                let start = match &receiver {
                    Value::Object(object) => match self.object(*object) {
                        Object::Instance(instance) => instance.class,
                        _ => *object,
                    },
                    _ => class,
                };
                match self.find_in_class(start, name, Some(class)) {
                    Some((Ok(value), _)) => self.bind_attribute(&value, &receiver, at),
                    _ => Ok(self.new_object(Object::Method { receiver: object.clone(), name: name.clone() })),
                }
            }
            Object::Function(function) => match &**name {
                "__name__" | "__qualname__" => Ok(Value::str(function.def.name.clone())),
                "__doc__" => Ok(Unknown::new("a docstring", at, "__doc__").value()),
                _ => Ok(self.new_object(Object::Method { receiver: object.clone(), name: name.clone() })),
            },
            Object::Bound { function, .. } => self.attribute(&Value::Object(function), name, at),
            Object::Partial { function, args } => Ok(match &**name {
                "func" => function,
                "keywords" => {
                    let mut dict = Dict::default();
                    for (name, argument) in args.keywords {
                        dict.insert(super::Key::Str(name.clone()), Value::str(name), argument.value);
                    }
                    self.new_object(Object::Dict(dict))
                }
                _ => self.unknown_from(std::slice::from_ref(object), name, at),
            }),
            _ => Ok(self.new_object(Object::Method { receiver: object.clone(), name: name.clone() })),
        }
    }

    fn bind_attribute(&mut self, value: &Value, receiver: &Value, at: At) -> Result<Value, Stop> {
        let Value::Object(reference) = value else { return Ok(value.clone()) };
        Ok(match self.object(*reference).clone() {
            Object::Function(_) => self.new_object(Object::Bound { receiver: receiver.clone(), function: *reference }),
            Object::Property(getter) => return self.call_with(&getter, vec![receiver.clone()], at),
            Object::StaticMethod(inner) => inner,
            Object::ClassMethod(Value::Object(function)) => {
                let class = match receiver {
                    Value::Object(object) => match self.object(*object) {
                        Object::Instance(instance) => Value::Object(instance.class),
                        _ => receiver.clone(),
                    },
                    _ => receiver.clone(),
                };
                self.new_object(Object::Bound { receiver: class, function })
            }
            _ => value.clone(),
        })
    }

    fn bind_class_attribute(&mut self, value: &Value, class: &Value) -> Value {
        let Value::Object(reference) = value else { return value.clone() };
        match self.object(*reference).clone() {
            Object::StaticMethod(inner) => inner,
            Object::ClassMethod(Value::Object(function)) => {
                self.new_object(Object::Bound { receiver: class.clone(), function })
            }
            _ => value.clone(),
        }
    }

    pub(super) fn set_attribute(&mut self, object: &Value, name: &Name, value: Value, at: At) {
        if let Some(host) = self.host_of(object) {
            H::set_attribute(self, host, name, &value, at);
        }
        match object {
            Value::Object(reference) => {
                let instance_class = match self.object(*reference) {
                    Object::Instance(instance) => Some(instance.class),
                    _ => None,
                };
                if let Some(class) = instance_class
                    && let Some((Ok(Value::Object(property)), _)) = self.find_in_class(class, name, None)
                    && matches!(self.object(property), Object::Property(_))
                {
                    // A setter is not run: what it does to others is not known.
                    return;
                }
                match self.change(*reference) {
                    Object::Instance(instance) => {
                        instance.attributes.insert(name.clone(), value);
                    }
                    Object::Class(class) => {
                        class.names.insert(name.clone(), value);
                    }
                    _ => {}
                }
            }
            Value::Module(key) => {
                if let Some(loaded) = self.modules.get(key) {
                    let scope = loaded.scope;
                    self.set_in(scope, name, value);
                }
            }
            _ => {}
        }
    }
}

/// Outside functions that only read what they are given: built from well-known names, so that
/// handing a list to a log line leaves it known.
fn is_reader(callee: &Value) -> bool {
    let path = match callee {
        Value::Outside(path) => path,
        Value::Unknown(unknown) => match &unknown.root {
            Some(root) => root,
            None => return false,
        },
        _ => return false,
    };
    let top = path.split('.').next().unwrap_or_default();
    super::import::is_standard(top) && top != "random" && top != "heapq"
        || matches!(top, "airflow" | "pendulum" | "yaml")
        || path.rsplit('.').next().is_some_and(|name| name.starts_with(char::is_uppercase))
}
