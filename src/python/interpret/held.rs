//! Instances that are something of Python's own besides: named tuples, members of `class
//! X(str, Enum)`, subclasses of `dict`, `list` and the like.

use super::{Host, Interp};
use crate::python::syntax::Name;
use crate::python::value::{Annotation, Args, At, ClassObject, Compared, Dict, Key, Object, Ref, Stop, Value};

/// Built-in types whose subclasses are followed.
const TYPES: [&str; 8] = ["dict", "list", "set", "frozenset", "tuple", "str", "int", "float"];

/// Methods that say for themselves what a container holds.
const CONTAINER: [&str; 9] =
    ["__iter__", "__len__", "__getitem__", "__contains__", "__missing__", "__next__", "keys", "items", "values"];

impl<H: Host> Interp<'_, H> {
    /// What an instance holds, where its class leaves that to the built-in type; else the value.
    pub(crate) fn plain(&self, value: &Value) -> Value {
        match self.held(value) {
            Some(held) => held.clone(),
            None => value.clone(),
        }
    }

    pub(super) fn held<'v>(&'v self, value: &Value) -> Option<&'v Value> {
        let Value::Object(object) = value else { return None };
        let Object::Instance(instance) = self.object(*object) else { return None };
        let held = instance.held.as_ref()?;
        if self.hazy(*object).is_some() {
            return None;
        }
        let Object::Class(class) = self.object(instance.class) else { return None };
        let own = class.order.iter().any(|entry| match entry {
            Value::Object(entry) => match self.object(*entry) {
                Object::Class(class) => CONTAINER.iter().any(|name| class.names.contains_key(*name)),
                _ => false,
            },
            _ => false,
        });
        (!own).then_some(held)
    }

    /// The arguments of a call with what they hold.
    pub(super) fn plain_args(&self, args: &Args) -> Args {
        let mut args = args.clone();
        for argument in &mut args.positional {
            argument.value = self.plain(&argument.value);
        }
        for (_, argument) in &mut args.keywords {
            argument.value = self.plain(&argument.value);
        }
        args
    }

    /// The built-in type that a class derives from.
    pub(super) fn held_type(&self, class: Ref) -> Option<&'static str> {
        let bases = self.outside_bases(class);
        let mut types = bases.iter().filter_map(|base| {
            let name = if &**base == "collections.OrderedDict" { "dict" } else { base.strip_prefix("builtins.")? };
            TYPES.into_iter().find(|known| *known == name)
        });
        types.next().filter(|_| types.next().is_none())
    }

    /// Gives an instance of a subclass of a built-in type what the type makes of the arguments.
    pub(super) fn hold(&mut self, instance: Ref, kind: &str, args: &Args, at: At) -> Result<(), Stop> {
        let made = self.call(&Value::outside(format!("builtins.{kind}")), args.clone(), at)?;
        if let Object::Instance(instance) = self.change(instance) {
            instance.held = Some(made);
        }
        Ok(())
    }

    // --- named tuples ---

    pub(super) fn is_named_tuple(&self, class: Ref) -> bool {
        self.outside_bases(class).iter().any(|base| &**base == "typing.NamedTuple")
    }

    /// The tuple of a named tuple whose fields are set.
    pub(super) fn hold_fields(&mut self, instance: Ref, class: Ref) {
        let Some(names) = self.field_names(class).filter(|_| self.is_named_tuple(class)) else { return };
        let Object::Instance(object) = self.object(instance) else { return };
        let values: Option<Vec<Value>> = names.iter().map(|name| object.attributes.get(name).cloned()).collect();
        let Some(values) = values else { return };
        let tuple = self.new_tuple(values);
        if let Object::Instance(object) = self.change(instance) {
            object.held = Some(tuple);
        }
    }

    /// `collections.namedtuple(…)` and `typing.NamedTuple(…)`.
    pub(super) fn named_tuple(&mut self, path: &str, args: &Args, at: At) -> Option<Value> {
        let name = args.value(0, "typename")?.as_str()?.clone();
        let typed = path == "typing.NamedTuple";
        let known: &[&str] =
            if typed { &["typename", "fields"] } else { &["typename", "field_names", "defaults", "module"] };
        if args.keywords.iter().any(|(name, _)| !known.contains(&&**name)) || args.positional.len() > 2 {
            return None;
        }
        let given = args.value(1, if typed { "fields" } else { "field_names" })?;
        let fields: Vec<Name> = match (given, self.items(given)) {
            (Value::Str(text), _) if !typed => text.text.replace(',', " ").split_whitespace().map(Into::into).collect(),
            (_, Some(items)) if typed => {
                items.iter().map(|item| self.items(item)?.first()?.as_str().cloned()).collect::<Option<_>>()?
            }
            (_, Some(items)) => items.iter().map(|item| item.as_str().cloned()).collect::<Option<_>>()?,
            _ => return None,
        };
        let defaults = match args.keyword("defaults") {
            None => Vec::new(),
            Some(defaults) => self.items(&defaults.value)?.to_vec(),
        };
        let frame = self.frames.last()?;
        let mut class =
            ClassObject::named(name.clone(), format!("{}.{name}", self.tree.module_name(frame.file)).into());
        for (name, default) in fields.iter().rev().zip(defaults.into_iter().rev()) {
            class.names.insert(name.clone(), default);
        }
        class.annotated = fields.iter().map(|name| (name.clone(), Annotation::Field)).collect();
        class.fields = fields;
        Some(self.new_class(class, &[Value::outside("typing.NamedTuple")], at))
    }

    /// What every named tuple has: names of its class, methods of its instances.
    pub(super) fn named_tuple_attribute(&mut self, object: &Value, class: Ref, name: &Name) -> Option<Value> {
        if !self.is_named_tuple(class) {
            return None;
        }
        match &**name {
            "_fields" => {
                let names = self.field_names(class)?.into_iter().map(Value::str).collect();
                Some(self.new_tuple(names))
            }
            "_field_defaults" => {
                let mut dict = Dict::default();
                for (name, default) in self.fields(class) {
                    if let Some(default) = default {
                        dict.insert(Key::Str(name.clone()), Value::str(name), default);
                    }
                }
                Some(self.new_object(Object::Dict(dict)))
            }
            "_make" => Some(self.new_object(Object::Method { receiver: Value::Object(class), name: name.clone() })),
            "_replace" | "_asdict" => {
                Some(self.new_object(Object::Method { receiver: object.clone(), name: name.clone() }))
            }
            _ => None,
        }
    }

    /// `_make`, `_replace` and `_asdict`.
    pub(super) fn named_tuple_method(
        &mut self,
        object: Ref,
        name: &str,
        args: &Args,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        if name == "_make" {
            let Some(first) = args.positional.first() else { return Ok(None) };
            let Ok(items) = self.iterate(&first.value.clone(), at)? else { return Ok(None) };
            return self.instantiate(object, &Args::positional(items, at), at).map(Some);
        }
        let Object::Instance(instance) = self.object(object).clone() else { return Ok(None) };
        let Some(names) = self.field_names(instance.class).filter(|_| self.is_named_tuple(instance.class)) else {
            return Ok(None);
        };
        let values = |name: &Name| instance.attributes.get(name).cloned();
        match name {
            "_asdict" => {
                let mut dict = Dict::default();
                for name in names {
                    let Some(value) = values(&name) else { return Ok(None) };
                    dict.insert(Key::Str(name.clone()), Value::str(name), value);
                }
                Ok(Some(self.new_object(Object::Dict(dict))))
            }
            "_replace" if args.positional.is_empty() && args.unknown.is_none() => {
                let mut all = Args::default();
                for name in names {
                    let Some(value) = values(&name) else { return Ok(None) };
                    all.set_keyword(&name, crate::python::value::Argument { value, at });
                }
                for (name, argument) in &args.keywords {
                    all.set_keyword(name, argument.clone());
                }
                self.instantiate(instance.class, &all, at).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The key of an instance in a dict or set; `None` where it has none, or its class decides.
    pub(super) fn instance_key(&self, object: Ref, depth: usize) -> Option<Key> {
        let Object::Instance(instance) = self.object(object) else { return None };
        let itself = Key::Other(format!("object {}", object.0).into());
        if instance.host.is_some() {
            return Some(itself);
        }
        let own = |name| matches!(self.find_in_class(instance.class, name, None), Some((Ok(_), _)));
        if own("__eq__") || own("__hash__") {
            return None;
        }
        if let Some(held) = &instance.held {
            return match held {
                Value::Object(held) if !matches!(self.object(*held), Object::Tuple(_)) => None,
                held => self.key_within(held, depth.checked_sub(1)?),
            };
        }
        let Some(kind) = self.data_class(instance.class).filter(|kind| kind.compared > Compared::Never) else {
            return Some(itself);
        };
        if !kind.frozen && !kind.hashed {
            return None;
        }
        let mut keys = vec![Key::Other(format!("object {}", instance.class.0).into())];
        // What is not compared is not hashed either.
        for name in self.fields_with(instance.class, "compare", self.called_at())? {
            keys.push(self.key_within(instance.attributes.get(&name)?, depth.checked_sub(1)?)?);
        }
        Some(Key::Tuple(keys))
    }
}
