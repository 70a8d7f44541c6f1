//! Calls.

use super::branch::Join;
use super::{BOUNDS, Flow, Host, Interp};
use crate::python::standard::Standard;
use crate::python::syntax::{Name, ParameterKind};
use crate::python::value::{
    Args, Argument, At, Dict, FunctionObject, Lazy, Object, Ref, Sequence, Stop, Unknown, Value, short,
};
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
                // One name from different places outside is the same thing.
                let name = |value: &Value| value.outside_path()?.rsplit('.').next().map(str::to_owned);
                match values.first() {
                    Some(first) if name(first).is_some() && values.iter().all(|value| name(value) == name(first)) => {
                        self.call(&first.clone(), args, at)
                    }
                    _ => self.call_either(callee, &values.clone(), &args, at),
                }
            }
            _ => {
                self.refuse_call(callee, at)?;
                Ok(self.opaque_call(callee, &args, at))
            }
        }
    }

    /// A call of one of several, of which it is not known which.
    fn call_either(&mut self, callee: &Value, values: &[Value], args: &Args, at: At) -> Result<Value, Stop> {
        let why = self.why(callee, at);
        let (mut outcomes, mut results) = (Vec::new(), Vec::new());
        for value in values {
            let mut result = None;
            let outcome = self.branch(&why, |run| {
                result = Some(run.call(value, args.clone(), at)?);
                Ok(Flow::Next)
            })?;
            if let Some(outcome) = outcome {
                outcomes.push(outcome);
                results.push(result);
            }
        }
        if outcomes.is_empty() {
            return self.raise("Exception", "every branch raises", at);
        }
        self.join(outcomes, false, Join::OneOf, &why);
        Ok(self.merge(&results, &why))
    }

    /// Runs a function as someone outside may do who was given it: with any arguments, any number
    /// of times.
    pub(crate) fn may_call(&mut self, function: &Value, why: &Rc<Unknown>, at: At) -> Result<(), Stop> {
        let args = Args { unknown: Some(why.clone()), starred: true, ..Args::default() };
        let outcome = self.branch(why, |run| run.call(function, args, at).map(|_| Flow::Next))?;
        self.join(outcome.into_iter().collect(), true, Join::Repeated, why);
        Ok(())
    }

    fn call_outside(&mut self, path: &str, args: &Args, at: At) -> Result<Value, Stop> {
        if let Some(name) = path.strip_prefix("builtins.") {
            if let Some(value) = self.call_reflection(name, args, at)? {
                return Ok(value);
            }
            if let Some(value) = self.call_builtin(name, args, at)? {
                return Ok(value);
            }
            if !cannot_raise(&Value::outside(path)) {
                self.may_raise(at);
            }
            H::outside_call(self, &Value::outside(path), args, at);
            self.hand_out(args);
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
        if !cannot_raise(callee) {
            self.may_raise(at);
        }
        H::outside_call(self, callee, args, at);
        self.hand_out(args);
        self.open_instances(callee, 2);
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
        // Who is given a function may give it back.
        let handed = args.all().any(|arg| self.hands_code(&arg.value, 4));
        let root = match callee {
            Value::Outside(path) if !handed || names_class(path) || keeps_function(path) => Some(path.clone()),
            Value::Unknown(unknown) if !handed => unknown.root.clone(),
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
        Unknown { reason, at, text: short(text), root, affix: None, home: false, tail: None, hosts }.value()
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
        // A class and its instances hold much, and nothing of it is needed here.
        match self.object(object) {
            Object::Class(_) => return self.instantiate(object, &args, at),
            Object::Instance(_) => {
                return match self.find_method(&Value::Object(object), "__call__") {
                    Some(method) => self.call(&method, args, at),
                    None => Ok(self.opaque_call(&Value::Object(object), &args, at)),
                };
            }
            _ => {}
        }
        match self.object(object).clone() {
            Object::Function(function) => self.call_function(object, &function, &args, at),
            Object::Bound { receiver, function } => {
                let mut args = args;
                args.positional.insert(0, Argument { value: receiver, at });
                self.call_object(function, args, at)
            }
            Object::Method { receiver, name } => self.call_method(&receiver, &name, &args, at),
            Object::Partial { function, args: first } => {
                let mut all = first;
                all.positional.extend(args.positional);
                for (name, argument) in args.keywords {
                    all.set_keyword(&name, argument);
                }
                all.starred |= args.starred;
                if let Some(why) = args.unknown {
                    all.open(why, args.maybe);
                }
                self.call(&function, *all, at)
            }
            Object::StaticMethod(inner) | Object::ClassMethod(inner) => self.call(&inner, args, at),
            Object::Standard(Standard::Getter(name, made)) => match self.call_getter(&name, &made, &args, at)? {
                Some(value) => Ok(value),
                None => Ok(self.opaque_call(&Value::Object(object), &args, at)),
            },
            Object::Cached(cached) => self.call_cached(object, &cached, args, at),
            Object::ContextFunction(function) => self.call_context(&function, args, at),
            _ => {
                self.refuse_call(&Value::Object(object), at)?;
                Ok(self.opaque_call(&Value::Object(object), &args, at))
            }
        }
    }

    fn call_function(&mut self, reference: Ref, function: &FunctionObject, args: &Args, at: At) -> Result<Value, Stop> {
        if function.def.is_async {
            return Ok(Unknown::new("a coroutine", at, format!("coroutine {}", function.def.name)).value());
        }
        if self.frames.len() >= BOUNDS.calls {
            return Err(self.limit("too many calls within calls", at));
        }
        let bound = self.bind(function, args, at)?;
        let scope = self.new_scope(Some(function.scope), false);
        let receiver = bound.first().map(|(_, value)| value.clone());
        let mark = self.mark();
        self.record_call(function, args, &bound, scope, at);
        for (name, value) in bound {
            self.scopes[scope.0].names.insert(name, value);
        }
        if function.def.generator {
            let function = reference;
            return Ok(self.new_object(Object::Lazy(Lazy::Call { function, scope, receiver })));
        }
        let frame = self.frame(scope, function.file, function.class, receiver, at);
        self.frames.push(frame);
        let (conditions, rest) = (self.maybe.len(), self.rest.len());
        let result = self.block(&function.def.body);
        self.unwind(mark);
        let why = self.rest.get(rest).cloned();
        self.maybe.truncate(conditions);
        self.rest.truncate(rest);
        let Some(frame) = self.frames.pop() else { return Ok(Value::None) };
        let flow = match (result, &why) {
            // It may have returned before: a file that gets on has.
            (Err(Stop::Raise(_)), Some(why)) if !frame.returns.is_empty() => {
                self.may_raise(at);
                let values: Vec<Option<Value>> = frame.returns.into_iter().map(Some).collect();
                return Ok(self.merge(&values, why));
            }
            (result, _) => result?,
        };
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
                    let value = self.new_object(Object::Tuple(Sequence { items, at }));
                    if let (Some(why), true, Value::Object(object)) = (&args.unknown, args.starred, &value) {
                        self.heap[object.0].make_hazy(why.clone());
                    }
                    value
                }
                ParameterKind::DoubleStar => {
                    let mut dict = Dict::default();
                    for (name, argument) in keywords.drain(..) {
                        dict.insert(super::Key::Str(name.clone()), Value::str(name.clone()), argument.value.clone());
                    }
                    match (&args.unknown, &args.maybe) {
                        (Some(why), Some(maybe)) => {
                            let named = |name: &Name| function.def.parameters.iter().any(|own| own.name == *name);
                            let rest: Vec<_> = maybe.iter().filter(|(name, _)| !named(name)).collect();
                            dict.close();
                            for (name, argument) in &rest {
                                let key = super::Key::Str(name.clone());
                                dict.insert_maybe(&key, Value::str(name.clone()), argument.value.clone());
                            }
                            self.new_open_dict(dict, (!rest.is_empty()).then(|| why.clone()))
                        }
                        (why, _) => {
                            let value = self.new_object(Object::Dict(dict));
                            if let (Some(why), Value::Object(object)) = (why, &value) {
                                self.heap[object.0].make_hazy(why.clone());
                            }
                            value
                        }
                    }
                }
                ParameterKind::PositionalOnly | ParameterKind::Plain | ParameterKind::KeywordOnly => {
                    let given = if parameter.kind.takes_place() { positional.next() } else { None };
                    let given = match given {
                        Some(given) => Some(given.value.clone()),
                        None if !parameter.kind.takes_name() => None,
                        None => keywords
                            .iter()
                            .position(|(name, _)| *name == parameter.name)
                            .map(|position| keywords.remove(position).1.value.clone()),
                    };
                    let default = function.defaults.get(index).and_then(Option::as_ref);
                    let maybe = args.maybe.as_ref().map(|maybe| {
                        let found = maybe.iter().find(|(name, _)| *name == parameter.name);
                        found.map(|(_, argument)| argument.value.clone())
                    });
                    match (given, &args.unknown, default) {
                        (Some(value), _, _) => value,
                        (None, Some(why), Some(default)) if maybe.is_some() => match maybe.flatten() {
                            Some(value) => self.merge(&[Some(value), Some(default.clone())], &why.clone()),
                            None => default.clone(),
                        },
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

    /// `@functools.wraps(function)`: the wrapper is called as what it wraps.
    fn wrapped(&mut self, callee: &Value, wrapper: &Value, at: At) -> Result<Option<Value>, Stop> {
        let (Value::Object(callee), Value::Object(reference)) = (callee, wrapper) else { return Ok(None) };
        let Object::Partial { function: Value::Outside(path), args } = self.object(*callee).clone() else {
            return Ok(None);
        };
        if &*path != "functools.wraps" {
            return Ok(None);
        }
        let name = match args.positional.first() {
            Some(first) => self.attribute(&first.value.clone(), &"__name__".into(), at)?,
            None => Value::None,
        };
        let (Object::Function(function), Some(name)) = (self.object(*reference), name.as_str()) else {
            return Ok(Some(wrapper.clone()));
        };
        let wrapped = args.positional.first().map(|first| first.value.clone());
        let mut renamed = FunctionObject { wraps: Some(name.clone()), wrapped: wrapped.clone(), ..function.clone() };
        if let Some(Value::Object(wrapped)) = wrapped
            && let Object::Function(wrapped) = self.object(wrapped)
        {
            renamed.attributes.extend(wrapped.attributes.clone());
        }
        Ok(Some(self.new_object(Object::Function(renamed))))
    }

    pub(super) fn apply_decorator(&mut self, callee: &Value, value: Value, at: At) -> Result<Value, Stop> {
        if let Some(renamed) = self.wrapped(callee, &value, at)? {
            return Ok(renamed);
        }
        if self.make_data_class(callee, &value, at) {
            return Ok(value);
        }
        let path = match callee {
            Value::Outside(path) => Some(path.clone()),
            Value::Unknown(unknown) => unknown.root.clone(),
            _ => None,
        };
        match path.as_deref() {
            Some("builtins.staticmethod") => return Ok(self.new_object(Object::StaticMethod(value))),
            Some("builtins.classmethod") => return Ok(self.new_object(Object::ClassMethod(value))),
            Some("contextlib.contextmanager") => return Ok(self.new_object(Object::ContextFunction(value))),
            Some("builtins.property" | "abc.abstractproperty") => {
                return Ok(self.new_object(Object::Property { get: value, set: None, delete: None }));
            }
            Some("functools.cached_property" | "airflow.compat.functools.cached_property") => {
                return Ok(self.new_object(Object::CachedProperty(value)));
            }
            Some("abc.abstractmethod") => {
                if let Value::Object(object) = &value {
                    self.abstracts.insert(*object);
                }
                return Ok(value);
            }
            // Which function of several runs is decided by the class of what it is given.
            Some("functools.singledispatch" | "functools.singledispatchmethod") => {
                return Ok(self.unknown_from(&[value], "functools.singledispatch", at));
            }
            Some("functools.lru_cache" | "functools.cache") => {
                let decorator = self.text(callee);
                return Ok(self.new_cached(value, &decorator));
            }
            // What they give runs the function as it is.
            Some(
                "airflow.utils.session.provide_session"
                | "backoff.on_exception"
                | "backoff.on_predicate"
                | "beartype.beartype"
                | "cachetools.cached"
                | "deprecated.deprecated"
                | "pydantic.validate_call"
                | "retry.retry"
                | "retrying.retry"
                | "tenacity.retry"
                | "typeguard.typechecked",
            ) => return Ok(value),
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
}

/// Parts of Python's library of which it is known what they do with a function that they are given.
fn keeps_function(path: &str) -> bool {
    ["abc.", "contextlib.", "dataclasses.", "enum.", "functools.", "typing."].iter().any(|top| path.starts_with(top))
        && path != "functools.reduce"
}

/// Whether the last part of a qualified name is written like a class.
pub(super) fn names_class(path: &str) -> bool {
    path.rsplit('.').next().is_some_and(|name| name.starts_with(char::is_uppercase))
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

/// Outside calls that do not raise where a file is written by the book: what makes times and log
/// lines, and Airflow's own classes.
fn cannot_raise(callee: &Value) -> bool {
    let path = match callee {
        Value::Outside(path) => path,
        Value::Unknown(unknown) => match &unknown.root {
            Some(root) => root,
            None => return false,
        },
        _ => return false,
    };
    let top = path.split('.').next().unwrap_or_default();
    match top {
        "datetime" | "pendulum" | "logging" | "typing" | "collections" | "functools" | "itertools" => true,
        "airflow" => !["Variable", "Connection", "Hook", "conf"].iter().any(|reader| path.contains(reader)),
        "builtins" => {
            super::exception::is_exception(path)
                || path
                    .strip_prefix("builtins.")
                    .is_some_and(|name| matches!(name, "print" | "str" | "repr" | "list" | "dict" | "tuple" | "set"))
        }
        _ => false,
    }
}
