//! Attributes: read and set.

use super::{Host, Interp};
use crate::python::syntax::Name;
use crate::python::value::{
    Args, At, ClassObject, Dict, FunctionObject, Instance, ModuleKey, Object, Ref, Stop, Unknown, Value, short,
};

impl<H: Host> Interp<'_, H> {
    pub(crate) fn attribute(&mut self, object: &Value, name: &Name, at: At) -> Result<Value, Stop> {
        self.refuse_attribute(object, name, at)?;
        Ok(match object {
            Value::Module(key) => return self.module_attribute(key, name, at),
            Value::Outside(path) => {
                if let (true, Some(value)) = (&**path == "sys" && &**name == "path", &self.search_path) {
                    value.clone()
                } else if let Some(value) =
                    super::library::constant(path, name).or_else(|| Self::python_part(object, name))
                {
                    value
                } else {
                    let path = format!("{path}.{name}");
                    self.host.constant(&path).unwrap_or_else(|| Value::outside(path))
                }
            }
            // A member of an enumeration of texts that the host gives as its text.
            Value::Str(_) if &**name == "value" => object.clone(),
            Value::Host(host) => match H::attribute(self, *host, name, at)? {
                Some(value) => value,
                None => self.new_object(Object::Method { receiver: object.clone(), name: name.clone() }),
            },
            Value::Object(reference) => return self.object_attribute(*reference, object, name, at),
            Value::OneOf(values) => {
                let mut results = Vec::new();
                // Where the file gets on, it was none of those that have no attributes.
                let some = values.iter().any(|value| !matches!(value, Value::None));
                if some && values.iter().any(|value| matches!(value, Value::None)) {
                    self.may_raise(at);
                }
                for value in values.clone().iter().filter(|value| !some || !matches!(value, Value::None)) {
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

    fn module_attribute(&mut self, key: &ModuleKey, name: &Name, at: At) -> Result<Value, Stop> {
        if let Some(loaded) = self.modules.get(key)
            && let Some(value) = self.names(loaded.scope).get(name)
        {
            return Ok(value.clone());
        }
        if let Some(value) = self.loaded_submodule(key, name) {
            return Ok(value);
        }
        if self.lacks(key, name) {
            return self.raise("AttributeError", format!("the module has no attribute '{name}'"), at);
        }
        Ok(Unknown::new(format!("the module has no `{name}` as far as can be seen"), at, &**name).value())
    }

    fn object_attribute(&mut self, reference: Ref, object: &Value, name: &Name, at: At) -> Result<Value, Stop> {
        // Containers may be large: they are not looked into for the name of a method.
        if matches!(self.object(reference), Object::List(_) | Object::Tuple(_) | Object::Set(_) | Object::Dict(_)) {
            return Ok(self.new_object(Object::Method { receiver: object.clone(), name: name.clone() }));
        }
        match self.object(reference).clone() {
            Object::Instance(instance) => {
                if let Some(value) = self.own_attribute(&instance, name) {
                    return Ok(value);
                }
                if let Some(value) = self.named_tuple_attribute(object, instance.class, name) {
                    return Ok(value);
                }
                let outside = match self.find_in_class(instance.class, name, None) {
                    Some((Ok(value), _)) => {
                        if let Value::Object(property) = &value
                            && let Object::CachedProperty(getter) = self.object(*property)
                        {
                            let getter = getter.clone();
                            let value = self.call_with(&getter, vec![object.clone()], at)?;
                            if let Object::Instance(instance) = self.change(reference) {
                                instance.attributes.insert(name.clone(), value.clone());
                            }
                            return Ok(value);
                        }
                        return self.bind_attribute(&value, object, at);
                    }
                    Some((Err(path), _)) => Some(path),
                    None => None,
                };
                if let Some(host) = instance.host {
                    return Ok(match H::attribute(self, host, name, at)? {
                        Some(value) => value,
                        None => self.new_object(Object::Method { receiver: Value::Host(host), name: name.clone() }),
                    });
                }
                if let (Some(held), Some(_)) = (&instance.held, &outside)
                    && !name.starts_with("__")
                    && (self.without_attribute(held, name).is_none()
                        || self.find_in_class(instance.class, "__getattr__", None).is_none())
                {
                    self.refuse_attribute(held, name, at)?;
                    return Ok(self.new_object(Object::Method { receiver: held.clone(), name: name.clone() }));
                }
                if !name.starts_with("__")
                    && let Some(value) = self.missing_attribute(object, instance.class, name, at)?
                {
                    return Ok(value);
                }
                if &**name == "__dict__" {
                    if let Some(dict) = self.own_dict(reference, at) {
                        return Ok(dict);
                    }
                    self.open_instances(object, 1);
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
            Object::Class(class) => Ok(self.class_attribute(reference, &class, object, name, at)),
            Object::Super { receiver, class } => {
                let start = match &receiver {
                    Value::Object(object) => match self.object(*object) {
                        Object::Instance(instance) => instance.class,
                        _ => *object,
                    },
                    _ => class,
                };
                match self.find_in_class(start, name, Some(class)) {
                    // The host sees each `__init__` on the way up.
                    Some((Ok(value), _)) if &**name != "__init__" => self.bind_attribute(&value, &receiver, at),
                    _ => Ok(self.new_object(Object::Method { receiver: object.clone(), name: name.clone() })),
                }
            }
            Object::Function(function) => Ok(self.function_attribute(reference, &function, object, name, at)),
            Object::Standard(standard) => match self.standard_attribute(&standard, name, at) {
                Some(value) => Ok(value),
                None => Ok(self.new_object(Object::Method { receiver: object.clone(), name: name.clone() })),
            },
            Object::Cached(cached) if !name.starts_with("cache_") => self.cached_attribute(&cached, name, at),
            Object::Bound { function, .. } => self.attribute(&Value::Object(function), name, at),
            Object::Partial { function, args } => Ok(match &**name {
                "__args__" if self.literals(object, at).is_some() => self.literals(object, at).unwrap_or(Value::None),
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

    /// What `__getattr__` gives, which may be a method of a dict (`__getattr__ = dict.get`).
    fn missing_attribute(&mut self, object: &Value, class: Ref, name: &Name, at: At) -> Result<Option<Value>, Stop> {
        let key = Value::str(name.clone());
        let held = self.held(object).cloned();
        match (self.find_in_class(class, "__getattr__", None), held) {
            (Some((Ok(Value::Outside(path)), _)), Some(held)) => match &*path {
                "builtins.dict.get" => self.call_method(&held, "get", &Args::positional([key], at), at).map(Some),
                "builtins.dict.__getitem__" => self.subscript(&held, &key, at).map(Some),
                _ => Ok(None),
            },
            _ => self.special(object, "__getattr__", vec![key], at),
        }
    }

    fn function_attribute(
        &mut self,
        reference: Ref,
        function: &FunctionObject,
        object: &Value,
        name: &Name,
        at: At,
    ) -> Value {
        match (function.attributes.get(name), &**name) {
            (Some(value), _) if self.hazy(reference).is_none() => value.clone(),
            (None, "__name__" | "__qualname__") => Value::str(function.name().clone()),
            (None, "__doc__") => Unknown::new("a docstring", at, "__doc__").value(),
            (None, name) if name.starts_with("__") => {
                self.new_object(Object::Method { receiver: object.clone(), name: name.into() })
            }
            (_, name) => self.unknown_from(std::slice::from_ref(object), name, at),
        }
    }

    /// What a class itself offers under a name.
    fn class_attribute(&mut self, reference: Ref, class: &ClassObject, object: &Value, name: &Name, at: At) -> Value {
        match &**name {
            "__qualname__" if !class.qualified.contains('<') => return Value::str(class.qualified.clone()),
            "__name__" => {
                // It may be set.
                let set = class.names.get(name).cloned();
                return set.unwrap_or_else(|| Value::str(class.name.clone()));
            }
            "__module__" => {
                // A DAG file is loaded by another name.
                let own = self.lookup("__name__").filter(|own| {
                    let home = class.path.rsplit_once('.').map(|(module, _)| module);
                    let file = self.frames.last().map(|frame| self.tree.module_name(frame.file));
                    home == file.as_deref() && !matches!(own, Value::Outside(_))
                });
                return own.unwrap_or_else(|| Value::str(class.path.rsplit_once('.').map_or("", |(module, _)| module)));
            }
            "__subclasses__" => {
                return self.new_object(Object::Method { receiver: object.clone(), name: name.clone() });
            }
            "__members__" => {
                let members = self.members_by_name(reference);
                return members.unwrap_or_else(|| self.unknown_from(std::slice::from_ref(object), "members", at));
            }
            "__mro__" | "__bases__" => {
                if let Some(value) = self.class_lineage(class, name) {
                    return value;
                }
            }
            "mro" if self.find_in_class(reference, "mro", None).is_none() => {
                return self.new_object(Object::Method { receiver: object.clone(), name: name.clone() });
            }
            _ => {}
        }
        if let Some(value) = self.named_tuple_attribute(object, reference, name) {
            return value;
        }
        match self.find_in_class(reference, name, None) {
            Some((Ok(value), _)) => self.bind_class_attribute(&value, object),
            Some((Err(_), _)) if &**name == "partial" => {
                self.new_object(Object::Method { receiver: object.clone(), name: name.clone() })
            }
            Some((Err(path), _)) if super::pydantic::is_base(&path) && super::pydantic::makes(name) => {
                self.new_object(Object::Method { receiver: object.clone(), name: name.clone() })
            }
            Some((Err(path), _)) => Value::outside(format!("{path}.{name}")),
            None => self.metaclass_attribute(reference, class, object, name, at),
        }
    }

    /// What a class has from its metaclass.
    fn metaclass_attribute(
        &mut self,
        reference: Ref,
        class: &ClassObject,
        object: &Value,
        name: &Name,
        at: At,
    ) -> Value {
        let found = self.metaclass(reference).and_then(|metaclass| self.find_in_class(metaclass, name, None));
        let Some((Ok(value), _)) = found else {
            let text = format!("{}.{name}", class.path);
            return Unknown::new(format!("the attribute `{name}` is not known"), at, text).value();
        };
        match value {
            Value::Object(function) if matches!(self.object(function), Object::Function(_)) => {
                self.new_object(Object::Bound { receiver: object.clone(), function })
            }
            value => value,
        }
    }

    fn bind_attribute(&mut self, value: &Value, receiver: &Value, at: At) -> Result<Value, Stop> {
        let Value::Object(reference) = value else { return Ok(value.clone()) };
        Ok(match self.object(*reference).clone() {
            Object::Function(_) | Object::ContextFunction(_) | Object::Cached(_) => {
                self.new_object(Object::Bound { receiver: receiver.clone(), function: *reference })
            }
            Object::Property { get, .. } => return self.call_with(&get, vec![receiver.clone()], at),
            Object::Instance(_) if self.find_method(value, "__get__").is_some() => {
                let class = self.class_of(receiver).unwrap_or(Value::None);
                let got = self.special(value, "__get__", vec![receiver.clone(), class], at)?;
                got.unwrap_or_else(|| value.clone())
            }
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

    pub(super) fn bind_class_attribute(&mut self, value: &Value, class: &Value) -> Value {
        let Value::Object(reference) = value else { return value.clone() };
        match self.object(*reference).clone() {
            Object::StaticMethod(inner) => inner,
            Object::ClassMethod(Value::Object(function)) => {
                self.new_object(Object::Bound { receiver: class.clone(), function })
            }
            _ => value.clone(),
        }
    }

    pub(super) fn set_attribute(&mut self, object: &Value, name: &Name, value: Value, at: At) -> Result<(), Stop> {
        if self.plain_class(object).is_some()
            && let Some(method) = self.find_method(object, "__setattr__")
        {
            self.call_with(&method, vec![Value::str(name.clone()), value], at)?;
            return Ok(());
        }
        if let Some(class) = self.plain_class(object)
            && let Some((Ok(Value::Outside(path)), _)) = self.find_in_class(class, "__setattr__", None)
            && let Value::Object(reference) = object
        {
            // `__setattr__ = dict.__setitem__`
            if let Some(held) = self.held(object).cloned().filter(|_| &*path == "builtins.dict.__setitem__") {
                return self.set_item(&held, &Value::str(name.clone()), value, at);
            }
            let why = self.why(&Value::Outside(path), at);
            self.set_hazy(*reference, why);
            return Ok(());
        }
        if let Some(class) = self.plain_class(object)
            && self.data_class(class).is_some_and(|options| options.frozen)
        {
            return self.raise("FrozenInstanceError", format!("cannot assign to field '{name}'"), at);
        }
        self.set_own_attribute(object, name, value, at)
    }

    /// What `object.__setattr__` does.
    pub(super) fn set_own_attribute(&mut self, object: &Value, name: &Name, value: Value, at: At) -> Result<(), Stop> {
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
                    && let Object::Property { set, .. } = self.object(property)
                {
                    return match set.clone() {
                        Some(setter) => self.call_with(&setter, vec![object.clone(), value], at).map(|_| ()),
                        None => self.raise("AttributeError", format!("property '{name}' has no setter"), at),
                    };
                }
                if let Some(class) = instance_class
                    && let Some((Ok(descriptor), _)) = self.find_in_class(class, name, None)
                    && self.special(&descriptor, "__set__", vec![object.clone(), value.clone()], at)?.is_some()
                {
                    return Ok(());
                }
                if instance_class.is_some() && &**name == "__dict__" {
                    self.replace_own_dict(*reference, &value, at);
                    return Ok(());
                }
                self.keep_in_own_dict(*reference, name, value.clone(), at)?;
                match self.change(*reference) {
                    Object::Instance(instance) => {
                        instance.attributes.insert(name.clone(), value);
                    }
                    Object::Class(class) => {
                        class.names.insert(name.clone(), value);
                    }
                    Object::Function(function) => {
                        function.attributes.insert(name.clone(), value);
                    }
                    _ => {}
                }
            }
            Value::Outside(path) if &**path == "sys" && &**name == "path" => {
                // Whether it was set is known, or else what it is.
                if !self.is_certain()
                    && let Value::Object(list) = &value
                {
                    let why = self.why(object, at);
                    self.set_hazy(*list, why);
                }
                self.search_path = Some(value);
            }
            Value::Outside(path) => {
                // What is set on `builtins` is a name everywhere.
                self.open_names |= &**path == "builtins";
                H::patched(self, &path.clone(), name, at);
            }
            // Which of them it is set on is not known.
            Value::OneOf(values) => {
                let why = self.why(object, at);
                for value in values.clone().iter() {
                    match value {
                        Value::Outside(path) => H::patched(self, path, name, at),
                        Value::Object(reference) => self.set_hazy(*reference, why.clone()),
                        _ => self.touch(value, at),
                    }
                }
            }
            Value::Unknown(_) => {
                // It may be the running module (`sys.modules[__name__]`).
                self.open_names = true;
                self.touch(object, at);
            }
            Value::Module(key) => {
                if let Some(loaded) = self.modules.get(key) {
                    let scope = loaded.scope;
                    self.set_in(scope, name, value);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// `del object.name`.
    pub(super) fn delete_attribute(&mut self, object: &Value, name: &Name, at: At) -> Result<(), Stop> {
        self.touch(object, at);
        if let Some(class) = self.plain_class(object)
            && let Some((Ok(Value::Object(property)), _)) = self.find_in_class(class, name, None)
            && let Object::Property { delete: Some(deleter), .. } = self.object(property)
        {
            let deleter = deleter.clone();
            return self.call_with(&deleter, vec![object.clone()], at).map(|_| ());
        }
        match object {
            Value::Object(reference) => {
                if let Object::Instance(Instance { dict: Some(dict), .. }) = self.object(*reference) {
                    let dict = Value::Object(*dict);
                    self.delete_item(&dict, &Value::str(name.clone()), at)?;
                }
                let known = match self.change(*reference) {
                    Object::Instance(instance) if instance.dict.is_some() => {
                        instance.attributes.remove(name);
                        true
                    }
                    Object::Instance(instance) => instance.attributes.remove(name).is_some() || instance.host.is_some(),
                    Object::Class(class) => class.names.remove(name).is_some(),
                    Object::Function(function) => function.attributes.remove(name).is_some(),
                    _ => true,
                };
                if !known && self.hazy(*reference).is_none() {
                    return self.raise("AttributeError", format!("no attribute '{name}'"), at);
                }
            }
            Value::Module(key) => {
                if let Some(loaded) = self.modules.get(key) {
                    let scope = loaded.scope;
                    self.remember_name(scope, name);
                    self.scopes[scope.0].names.remove(name);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Tells the host of a change that is not followed, if what changes was reached through it.
    pub(super) fn touch(&mut self, value: &Value, at: At) {
        let hosts = self.hosts_in(value);
        if !hosts.is_empty() {
            H::touched(self, &hosts, at);
        }
    }
}
