//! Built-in functions about attributes and classes.

use super::{Host, Interp};
use crate::python::syntax::Name;
use crate::python::value::{Args, At, Object, Ref, Stop, Value};

impl<H: Host> Interp<'_, H> {
    /// Calls a built-in function that reads or sets attributes or asks for classes; `None` if it
    /// is none of these, or its result is not known.
    pub(super) fn call_reflection(&mut self, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let first = args.positional.first().map(|arg| arg.value.clone());
        let second = args.positional.get(1).map(|arg| arg.value.clone());
        if args.unknown.is_some() {
            return Ok(None);
        }
        Ok(match (name, first, second) {
            ("setattr", Some(object), Some(attribute)) => {
                let value = args.positional.get(2).map_or(Value::None, |arg| arg.value.clone());
                if let Some(attribute) = attribute.as_str() {
                    self.set_attribute(&object, attribute, value, at)?;
                } else if let Value::Object(object) = object {
                    let why = self.why(&attribute, at);
                    self.set_hazy(object, why);
                }
                Some(Value::None)
            }
            ("delattr", Some(object), Some(Value::Str(attribute))) => {
                self.delete_attribute(&object, &attribute.text, at)?;
                Some(Value::None)
            }
            ("getattr", Some(object), Some(Value::Str(attribute))) => {
                let default = args.positional.get(2).map(|arg| arg.value.clone());
                return self.attribute_or(&object, &attribute.text, default, at).map(Some);
            }
            ("hasattr", Some(object), Some(Value::Str(attribute))) => {
                match self.has_attribute(&object, &attribute.text) {
                    Some(known) => Some(Value::Bool(known)),
                    None if self.find_method(&object, "__getattr__").is_some() => {
                        let missing = Value::outside("builtins.NotImplemented");
                        match self.attribute_or(&object, &attribute.text, Some(missing), at)? {
                            Value::Unknown(_) | Value::OneOf(_) => None,
                            Value::Outside(_) => Some(Value::Bool(false)),
                            _ => Some(Value::Bool(true)),
                        }
                    }
                    None => None,
                }
            }
            ("vars", Some(Value::Object(object)), _) => self.own_dict(object, at),
            ("isinstance", Some(value), Some(class)) => self.is_instance(&value, &class).map(Value::Bool),
            ("issubclass", Some(Value::Object(object)), Some(Value::Outside(path)))
                if matches!(self.object(object), Object::Class(_)) =>
            {
                self.is_subclass_of(object, &path).map(Value::Bool)
            }
            ("issubclass", Some(Value::Object(object)), Some(Value::Object(class))) => match self.object(object) {
                Object::Class(own) => Some(Value::Bool(
                    own.order.iter().any(|entry| matches!(entry, Value::Object(other) if *other == class)),
                )),
                _ => None,
            },
            ("callable", Some(Value::Object(object)), _) => match self.object(object) {
                Object::Function(_)
                | Object::Class(_)
                | Object::Bound { .. }
                | Object::Cached(_)
                | Object::Partial { .. } => Some(Value::Bool(true)),
                Object::Instance(instance) if instance.host.is_none() => {
                    match self.find_in_class(instance.class, "__call__", None) {
                        Some((Ok(_), _)) => Some(Value::Bool(true)),
                        Some((Err(_), _)) => None,
                        None => Some(Value::Bool(false)),
                    }
                }
                Object::List(_) | Object::Tuple(_) | Object::Dict(_) | Object::Set(_) => Some(Value::Bool(false)),
                _ => None,
            },
            ("callable", Some(Value::None | Value::Str(_) | Value::Int(_) | Value::Bool(_) | Value::Float(_)), _) => {
                Some(Value::Bool(false))
            }
            ("super", Some(Value::Object(class)), Some(receiver)) => {
                Some(self.new_object(Object::Super { receiver, class }))
            }
            ("type", Some(_), Some(_)) => self.made_class(args, at),
            ("type", Some(value), None) => self.class_of(&value),
            _ => None,
        })
    }

    pub(super) fn class_of(&self, value: &Value) -> Option<Value> {
        let name = match value {
            Value::Str(_) => "str",
            Value::Int(_) => "int",
            Value::Bool(_) => "bool",
            Value::Float(_) => "float",
            Value::Object(object) => match self.object(*object) {
                Object::Instance(instance) => return Some(Value::Object(instance.class)),
                Object::List(_) => "list",
                Object::Tuple(_) => "tuple",
                Object::Dict(dict) if dict.counts() => return None,
                Object::Dict(_) => "dict",
                Object::Set(_) => "set",
                _ => return None,
            },
            _ => return None,
        };
        Some(Value::outside(format!("builtins.{name}")))
    }

    /// `getattr(object, name, default)`.
    fn attribute_or(&mut self, object: &Value, name: &Name, default: Option<Value>, at: At) -> Result<Value, Stop> {
        let Some(default) = default else { return self.attribute(object, name, at) };
        match self.has_attribute(object, name) {
            Some(true) => self.attribute(object, name, at),
            Some(false) => Ok(default),
            None => {
                let value = match self.attribute(object, name, at) {
                    Err(Stop::Raise(raised)) if &*raised.class == "AttributeError" && raised.certain => {
                        return Ok(default);
                    }
                    result => result?,
                };
                let why = self.why(object, at);
                Ok(match &value {
                    Value::Unknown(why) => {
                        let why = why.clone();
                        self.merge(&[Some(value), Some(default)], &why)
                    }
                    Value::Outside(_) => self.merge(&[Some(value), Some(default)], &why),
                    _ => value,
                })
            }
        }
    }

    /// Whether an object has an attribute, where that is certain.
    fn has_attribute(&self, object: &Value, name: &Name) -> Option<bool> {
        match object {
            Value::Object(reference) => match self.object(*reference) {
                Object::Instance(instance) => {
                    match self.own_attribute(instance, name) {
                        Some(_) if instance.dict.is_some_and(|dict| self.hazy(dict).is_some()) => return None,
                        Some(_) => return Some(true),
                        None => {}
                    }
                    match self.find_in_class(instance.class, name, None) {
                        Some((Ok(_), _)) => Some(true),
                        Some((Err(_), _)) => instance.host.and_then(|host| self.host.has(host, name)),
                        None if self.hazy(*reference).is_some() || name.starts_with("__") => None,
                        None if instance.host.is_some() => instance.host.and_then(|host| self.host.has(host, name)),
                        None => match self.find_in_class(instance.class, "__getattr__", None) {
                            Some(_) => None,
                            None => Some(false),
                        },
                    }
                }
                Object::Class(_) => match self.find_in_class(*reference, name, None) {
                    Some((Ok(_), _)) => Some(true),
                    Some((Err(_), _)) => None,
                    None => (!name.starts_with("__")).then_some(false),
                },
                Object::Function(_) if self.hazy(*reference).is_some() => None,
                Object::Function(function) if function.attributes.contains_key(name) => Some(true),
                Object::Function(function) => (function.wraps.is_none() && !name.starts_with("__")).then_some(false),
                _ => self.without_attribute(object, name).map(|_| false),
            },
            Value::Module(key) => {
                let loaded = self.modules.get(key)?;
                if self.names(loaded.scope).contains_key(name) {
                    return Some(true);
                }
                self.lacks(key, name).then_some(false)
            }
            Value::None => (!name.starts_with("__")).then_some(false),
            Value::Host(host) => self.host.has(*host, name),
            _ => self.without_attribute(object, name).map(|_| false),
        }
    }

    /// Whether a class of the tree derives from something outside.
    fn is_subclass_of(&self, class: Ref, path: &str) -> Option<bool> {
        let bases = self.outside_bases(class);
        let derives = |name: &str| bases.iter().any(|base| &**base == name);
        let has = match path {
            "builtins.str" => derives(path) || derives("enum.StrEnum"),
            "builtins.int" => derives(path) || derives("enum.IntEnum") || derives("enum.IntFlag"),
            "builtins.tuple" => derives(path) || derives("typing.NamedTuple"),
            "builtins.dict" => derives(path) || derives("collections.OrderedDict"),
            "enum.Enum" => self.is_enum(class),
            "builtins.object" => true,
            path => derives(path),
        };
        // Python's own types have no other subclasses among these.
        let own = bases.iter().all(|base| {
            base.starts_with("builtins.")
                || base.starts_with("enum.")
                || base.starts_with("typing.")
                || &**base == "abc.ABC"
        });
        let plain = matches!(
            path,
            "builtins.str"
                | "builtins.int"
                | "builtins.float"
                | "builtins.bool"
                | "builtins.list"
                | "builtins.dict"
                | "builtins.tuple"
                | "builtins.set"
                | "builtins.frozenset"
                | "builtins.bytes"
                | "enum.Enum"
        );
        if has { Some(true) } else { (own && plain).then_some(false) }
    }

    /// Whether an object of the host is an instance of a class outside: a task is no list.
    fn host_is_a(&self, value: &Value, host: super::HostRef, path: &str) -> Option<bool> {
        let Some(builtin) = path.strip_prefix("builtins.") else { return self.host.is_a(host, path) };
        if let Value::Object(object) = value
            && let Object::Instance(instance) = self.object(*object)
            && self.outside_bases(instance.class).iter().any(|base| base.starts_with("builtins."))
        {
            return None;
        }
        match builtin {
            "object" => Some(true),
            "list" | "tuple" | "dict" | "set" | "frozenset" | "str" | "bytes" | "int" | "float" | "bool" => Some(false),
            _ => None,
        }
    }

    pub(super) fn is_instance(&self, value: &Value, class: &Value) -> Option<bool> {
        if let Some(classes) = self.items(class) {
            let mut all = Some(false);
            for class in classes {
                match self.is_instance(value, class) {
                    Some(true) => return Some(true),
                    None => all = None,
                    Some(false) => {}
                }
            }
            return all;
        }
        if let (Value::Object(object), Value::Object(class)) = (value, class)
            && let Object::Instance(instance) = self.object(*object)
            && let Object::Class(own) = self.object(instance.class)
        {
            return Some(own.order.iter().any(|entry| matches!(entry, Value::Object(other) if other == class)));
        }
        let path = class.outside_path()?;
        if let Some(host) = self.host_of(value)
            && let Some(known) = self.host_is_a(value, host, path)
        {
            return Some(known);
        }
        if let Some(own) = self.plain_class(value)
            && let Some(known) = self.is_subclass_of(own, path)
        {
            return Some(known);
        }
        if let Some(standard) = self.standard(value) {
            return standard.is_a(path);
        }
        // Whatever is held as one of Python's own types is none of a library's.
        let own_type = matches!(value, Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Str(_));
        if own_type && matches!(&**path, "pathlib.Path" | "datetime.datetime" | "datetime.date" | "datetime.timedelta")
        {
            return Some(false);
        }
        let class = path.strip_prefix("builtins.")?.to_owned();
        let own = match value {
            Value::None => "NoneType",
            Value::Bool(_) => return Some(class == "bool" || class == "int"),
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::Str(_) => "str",
            Value::Bytes(_) => "bytes",
            Value::Unknown(unknown) if unknown.affix.is_some() => "str",
            Value::Object(object) => match self.object(*object) {
                Object::List(_) => "list",
                Object::Tuple(_) => "tuple",
                Object::Dict(_) => "dict",
                Object::Set(_) => "set",
                Object::Function(_) => "function",
                Object::Standard(_) => "object",
                _ => return None,
            },
            _ => return None,
        };
        Some(own == class || class == "object")
    }
}
