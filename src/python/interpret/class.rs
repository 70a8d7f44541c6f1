//! Classes and their instances.

use super::{Host, Interp, Unknown};
use crate::python::syntax::{Arg, Class, ExprKind, Name};
use crate::python::value::{Args, Argument, At, ClassObject, Instance, Object, Ref, Stop, Value};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Bases that add nothing.
const EMPTY_BASES: [&str; 6] =
    ["builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol", "typing_extensions.Protocol", "builtins.type"];

const ENUMS: [&str; 5] = ["enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag"];

/// What a field of a data class is without an argument.
enum Default {
    Value(Value),
    Factory(Value),
}

impl<H: Host> Interp<'_, H> {
    pub(super) fn define_class(&mut self, def: &Rc<Class>, at: At) -> Result<Value, Stop> {
        let mut bases = Vec::new();
        let mut made_outside = false;
        for argument in &def.arguments {
            if let Arg::Keyword(name, value) = argument
                && &**name == "metaclass"
            {
                match self.eval(value)? {
                    Value::Object(_) => return Err(self.limit("a metaclass of the tree is not followed", at)),
                    Value::Outside(path) if matches!(&*path, "abc.ABCMeta" | "builtins.type") => {}
                    _ => made_outside = true,
                }
            }
            if let Arg::Positional(base) = argument {
                // `Generic[T]` is `Generic`.
                let base = match &base.kind {
                    ExprKind::Subscript(object, _) => object,
                    _ => base,
                };
                bases.push(self.eval(base)?);
            }
        }
        let Some(frame) = self.frames.last() else { return Ok(Value::None) };
        let (outer, file, called_at) = (frame.scope, frame.file, frame.called_at);
        let module = self.tree.module_name(file);
        let path = format!("{module}.{}", def.name).into();
        let class = self.new_object(Object::Class(ClassObject::named(def.name.clone(), path)));
        let Value::Object(reference) = class else { return Ok(class) };
        if made_outside {
            self.opened.insert(reference);
        }
        if let Some(why) = self.maybe.last().cloned() {
            self.set_hazy(reference, why);
        }
        let scope = self.new_scope(Some(outer), true);
        let frame = self.frame(scope, file, Some(reference), None, called_at);
        self.frames.push(frame);
        let result = self.block(&def.body);
        let (fields, annotated) = self.frames.pop().map(|frame| (frame.fields, frame.annotated)).unwrap_or_default();
        result?;
        let order = self.resolution_order(reference, &bases, at);
        let names = self.scopes[scope.0].names.clone();
        if let Object::Class(class) = self.change(reference) {
            class.names = names;
            class.fields = fields;
            class.annotated = annotated;
            class.order = order;
        }
        if let Some((Ok(_), _)) = self.find_in_class(reference, "__init_subclass__", Some(reference)) {
            return Err(self.limit("`__init_subclass__` is not followed", at));
        }
        Ok(class)
    }

    /// `type(name, bases, names)`; `None` if one of them is not known.
    pub(super) fn made_class(&mut self, args: &Args, at: At) -> Option<Value> {
        let [name, bases, body] = args.positional.as_slice() else { return None };
        let (Some(name), Some(pairs)) = (name.value.as_str().cloned(), self.dict_pairs(&body.value)) else {
            return None;
        };
        let bases = self.items(&bases.value).map(<[Value]>::to_vec)?;
        let mut names = BTreeMap::new();
        let mut fields = Vec::new();
        for (key, value) in pairs {
            // What these do to the making of the class is not followed.
            let key = key.as_str().filter(|key| !key.starts_with("__") || &***key == "__init__")?;
            names.insert(key.clone(), value);
            fields.push(key.clone());
        }
        let classes = bases.iter().all(|base| match base {
            Value::Object(base) => {
                matches!(self.object(*base), Object::Class(_))
                    && !self.is_enum(*base)
                    && self.find_in_class(*base, "__init_subclass__", None).is_none_or(|(found, _)| found.is_err())
            }
            Value::Outside(_) | Value::OneOf(_) => true,
            _ => false,
        });
        let frame = self.frames.last().filter(|_| classes && args.keywords.is_empty())?;
        let path = format!("{}.{name}", self.tree.module_name(frame.file)).into();
        Some(self.new_class(ClassObject { names, fields, ..ClassObject::named(name, path) }, &bases, at))
    }

    /// `types.SimpleNamespace(…)` of known names.
    pub(super) fn namespace(&mut self, args: &Args, at: At) -> Option<Value> {
        if !args.positional.is_empty() || args.unknown.is_some() {
            return None;
        }
        let made = ClassObject::named("SimpleNamespace".into(), "types.SimpleNamespace".into());
        let Value::Object(class) = self.new_class(made, &[], at) else { return None };
        let attributes = args.keywords.iter().map(|(name, given)| (name.clone(), given.value.clone())).collect();
        Some(self.new_object(Object::Instance(Instance { class, attributes, host: None })))
    }

    fn new_class(&mut self, class: ClassObject, bases: &[Value], at: At) -> Value {
        let made = self.new_object(Object::Class(class));
        if let Value::Object(reference) = made {
            let order = self.resolution_order(reference, bases, at);
            if let Object::Class(class) = self.change(reference) {
                class.order = order;
            }
        }
        made
    }

    /// The class, then its bases, each after everything that derives from it.
    fn resolution_order(&self, class: Ref, bases: &[Value], at: At) -> Vec<Value> {
        let mut order = vec![Value::Object(class)];
        for base in bases {
            match base {
                Value::Object(object) => {
                    if let Object::Class(base) = self.object(*object) {
                        order.extend(base.order.iter().cloned());
                    }
                }
                Value::Outside(_) => order.push(base.clone()),
                other => order.push(Value::Outside(match other {
                    Value::OneOf(values) => match values.iter().find_map(Value::outside_path) {
                        Some(path) => path.clone(),
                        None => "?".into(),
                    },
                    other => self.why(other, at).root.clone().unwrap_or_else(|| "?".into()),
                })),
            }
        }
        // Keep the last mention of each.
        let same = |a: &Value, b: &Value| match (a, b) {
            (Value::Object(a), Value::Object(b)) => a == b,
            (Value::Outside(a), Value::Outside(b)) => a == b,
            _ => false,
        };
        let mut kept: Vec<Value> = Vec::new();
        for value in order.into_iter().rev() {
            if !kept.iter().any(|other| same(other, &value)) {
                kept.push(value);
            }
        }
        kept.reverse();
        kept
    }

    /// Finds a name in a class or its bases, from behind `after`; `Err` with the path of the
    /// first outside base that may have it.
    pub(crate) fn find_in_class(
        &self,
        class: Ref,
        name: &str,
        after: Option<Ref>,
    ) -> Option<(Result<Value, Rc<str>>, Ref)> {
        let Object::Class(start) = self.object(class) else { return None };
        let mut seen = after.is_none();
        for entry in &start.order {
            match entry {
                Value::Object(object) => {
                    if seen
                        && let Object::Class(class) = self.object(*object)
                        && let Some(value) = class.names.get(name)
                    {
                        return Some((Ok(value.clone()), *object));
                    }
                    seen |= Some(*object) == after;
                }
                Value::Outside(path) if seen && !EMPTY_BASES.contains(&&**path) => {
                    return Some((Err(path.clone()), class));
                }
                _ => {}
            }
        }
        None
    }

    /// A method of an instance, bound to it.
    pub(crate) fn find_method(&mut self, value: &Value, name: &str) -> Option<Value> {
        let Value::Object(object) = value else { return None };
        let Object::Instance(instance) = self.object(*object) else { return None };
        let (Ok(Value::Object(function)), _) = self.find_in_class(instance.class, name, None)? else { return None };
        matches!(self.object(function), Object::Function(_))
            .then(|| self.new_object(Object::Bound { receiver: value.clone(), function }))
    }

    /// The outside bases of a class.
    pub(crate) fn outside_bases(&self, class: Ref) -> Vec<Rc<str>> {
        match self.object(class) {
            Object::Class(class) => class.order.iter().filter_map(Value::outside_path).cloned().collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn instantiate(&mut self, class: Ref, args: &Args, at: At) -> Result<Value, Stop> {
        if let Some(members) = self.enum_members(class) {
            let wanted = args.positional.first().map_or(Value::None, |argument| argument.value.clone());
            for member in members {
                let value = self.attribute(&member, &"value".into(), at)?;
                if self.equal(&value, &wanted, at)? == Some(true) {
                    return Ok(member);
                }
            }
            return Ok(self.unknown_from(&[Value::Object(class), wanted], "enum", at));
        }
        let bases = self.outside_bases(class);
        if bases.iter().any(|base| super::exception::is_exception(base)) {
            let instance = Instance { class, attributes: BTreeMap::new(), host: None };
            let instance = self.new_object(Object::Instance(instance));
            if let Value::Object(reference) = instance {
                self.initialise(reference, class, None, args, at)?;
            }
            return Ok(instance);
        }
        if bases.iter().any(|base| base.starts_with("builtins.") && !EMPTY_BASES.contains(&&**base)) {
            // A subclass of `dict`, `str`, `Exception`: what it holds is not followed.
            return Ok(self.unknown_from(
                &args.positional.iter().map(|arg| arg.value.clone()).collect::<Vec<_>>(),
                &self.text(&Value::Object(class)),
                at,
            ));
        }
        if let Some((Ok(_), _)) = self.find_in_class(class, "__new__", None) {
            return Err(self.limit("`__new__` is not followed", at));
        }
        let instance = self.new_object(Object::Instance(Instance { class, attributes: BTreeMap::new(), host: None }));
        let Value::Object(reference) = instance else { return Ok(instance) };
        self.initialise(reference, class, None, args, at)?;
        H::constructed(self, reference, at)?;
        Ok(instance)
    }

    /// Runs `__init__` as found from behind `after`.
    pub(super) fn initialise(
        &mut self,
        instance: Ref,
        class: Ref,
        after: Option<Ref>,
        args: &Args,
        at: At,
    ) -> Result<(), Stop> {
        if let Object::Class(object) = self.object(class)
            && after.is_none()
            && self.has_fields(class)
            && !object.names.contains_key("__init__")
        {
            return self.initialise_fields(instance, class, args, at);
        }
        match self.find_in_class(class, "__init__", after) {
            Some((Ok(Value::Object(function)), _)) => {
                let mut args = args.clone();
                H::before_construct(self, class, function, &mut args, at)?;
                args.positional.insert(0, Argument { value: Value::Object(instance), at });
                self.call(&Value::Object(function), args, at)?;
            }
            Some((Err(base), _)) if super::exception::is_exception(&base) => {}
            Some((Err(base), _)) => {
                if let Some(why) = &args.unknown {
                    self.set_hazy(instance, why.clone());
                }
                H::construct(self, instance, &base, args, at)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The instance that `Class.__init__(instance, …)` is about, where it is one of that class.
    pub(super) fn initialised_by(&self, class: &Value, args: &Args) -> Option<Ref> {
        let Value::Object(instance) = args.positional.first()?.value else { return None };
        let Object::Instance(object) = self.object(instance) else { return None };
        let Object::Class(own) = self.object(object.class) else { return None };
        let derives = match class {
            Value::Object(class) => {
                own.order.iter().any(|entry| matches!(entry, Value::Object(entry) if entry == class))
            }
            Value::Outside(path) => {
                own.order.iter().any(|entry| matches!(entry, Value::Outside(entry) if entry == path))
            }
            _ => false,
        };
        derives.then_some(instance)
    }

    /// `Class.__init__(instance, …)`: the host sees it as it sees one by `super()`.
    pub(super) fn initialise_as(&mut self, instance: Ref, class: &Value, args: &Args, at: At) -> Result<(), Stop> {
        match class {
            Value::Object(class) => self.initialise(instance, *class, None, args, at),
            Value::Outside(base) if !super::exception::is_exception(base) => {
                if let Some(why) = &args.unknown {
                    self.set_hazy(instance, why.clone());
                }
                H::construct(self, instance, base, args, at)
            }
            _ => Ok(()),
        }
    }

    /// The fields of a data class or named tuple in order; `None` for other classes.
    pub(super) fn field_names(&self, class: Ref) -> Option<Vec<Name>> {
        self.has_fields(class).then(|| self.fields(class).into_iter().map(|(name, _)| name).collect())
    }

    fn has_fields(&self, class: Ref) -> bool {
        let Object::Class(object) = self.object(class) else { return false };
        object.order.iter().any(|entry| match entry {
            Value::Object(entry) => matches!(self.object(*entry), Object::Class(class) if class.dataclass),
            Value::Outside(path) => &**path == "typing.NamedTuple" || path.starts_with("pydantic."),
            _ => false,
        })
    }

    /// Fields with their defaults, those of bases first.
    fn fields(&self, class: Ref) -> Vec<(Name, Option<Value>)> {
        let mut fields: Vec<(Name, Option<Value>)> = Vec::new();
        let Object::Class(object) = self.object(class) else { return fields };
        for entry in object.order.iter().rev() {
            let Value::Object(entry) = entry else { continue };
            let Object::Class(class) = self.object(*entry) else { continue };
            for field in class.fields.iter().filter(|field| class.annotated.contains(*field)) {
                let value = class.names.get(field).cloned();
                match fields.iter_mut().find(|(name, _)| name == field) {
                    Some(known) => known.1 = value.or_else(|| known.1.take()),
                    None => fields.push((field.clone(), value)),
                }
            }
        }
        fields
    }

    fn initialise_fields(&mut self, instance: Ref, class: Ref, args: &Args, at: At) -> Result<(), Stop> {
        let fields = self.fields(class);
        let mut taken = 0;
        let mut named = 0;
        for (field, default) in fields {
            let (default, keyword_only, init) = self.field_default(default, at);
            let keyword_only = keyword_only.unwrap_or_else(|| self.keyword_only(class));
            let positional = if keyword_only || !init { None } else { args.positional.get(taken) };
            if !keyword_only && init {
                taken += 1;
            }
            let given = positional.or_else(|| args.keyword(&field).inspect(|_| named += 1));
            let value = match (given, default) {
                (Some(argument), _) => argument.value.clone(),
                (None, Some(Default::Value(value))) => value,
                (None, Some(Default::Factory(factory))) => self.call_with(&factory, Vec::new(), at)?,
                (None, None) => match &args.unknown {
                    Some(why) => Unknown::clone(why).value(),
                    None if !init => continue,
                    None => {
                        return self.raise("TypeError", format!("missing required argument: '{field}'"), at);
                    }
                },
            };
            if let Object::Instance(instance) = self.change(instance) {
                instance.attributes.insert(field.clone(), value);
            }
        }
        let of_library = self.outside_bases(class).iter().any(|base| base.starts_with("pydantic."));
        if !of_library && (args.positional.len() > taken || args.keywords.len() > named) {
            return self.raise("TypeError", "an argument that the class does not have", at);
        }
        if let Some(method) = self.find_method(&Value::Object(instance), "__post_init__") {
            self.call_with(&method, Vec::new(), at)?;
        }
        Ok(())
    }

    /// What a field is without an argument, whether it takes a position, and whether it takes an
    /// argument at all.
    fn field_default(&self, value: Option<Value>, at: At) -> (Option<Default>, Option<bool>, bool) {
        let Some(value) = value else { return (None, None, true) };
        if let Value::Object(object) = &value
            && let Object::Partial { function: Value::Outside(path), args } = self.object(*object).clone()
            && matches!(&*path, "dataclasses.field" | "pydantic.Field")
        {
            let flag = |run: &Self, name: &str| args.keyword(name).and_then(|arg| run.truth(&arg.value, at).ok());
            let default = match (args.keyword("default_factory").or(args.keyword("factory")), args.keyword("default")) {
                (Some(factory), _) => Some(Default::Factory(factory.value.clone())),
                (None, Some(default)) => Some(Default::Value(default.value.clone())),
                (None, None) => {
                    let first = args.positional.first().map(|arg| arg.value.clone());
                    first.filter(|value| !matches!(value, Value::Ellipsis)).map(Default::Value)
                }
            };
            return (default, flag(self, "kw_only"), flag(self, "init").unwrap_or(true));
        }
        (Some(Default::Value(value)), None, true)
    }

    fn keyword_only(&self, class: Ref) -> bool {
        matches!(self.object(class), Object::Class(class) if class.keyword_only)
    }

    pub(super) fn super_value(&mut self, at: At) -> Value {
        let found = self.frames.iter().rev().find_map(|frame| Some((frame.class?, frame.receiver.clone()?)));
        match found {
            Some((class, receiver)) => self.new_object(Object::Super { receiver, class }),
            None => Unknown::new("`super()` outside a method", at, "super()").value(),
        }
    }

    /// `super(class, receiver)`, the form of Python 2 that operators of the tree still use.
    pub(super) fn super_of(&mut self, class: &Value, receiver: Value, at: At) -> Value {
        match (class, &receiver) {
            (Value::Object(class), Value::Object(_)) if matches!(self.object(*class), Object::Class(_)) => {
                self.new_object(Object::Super { receiver, class: *class })
            }
            _ => Unknown::new("`super` of a class that is not known", at, "super()").value(),
        }
    }

    // --- enums ---

    pub(super) fn is_enum(&self, class: Ref) -> bool {
        self.outside_bases(class).iter().any(|base| ENUMS.contains(&&**base))
    }

    /// The members of an enum in order; `None` for other classes.
    pub(super) fn enum_members(&mut self, class: Ref) -> Option<Vec<Value>> {
        if !self.is_enum(class) {
            return None;
        }
        let Object::Class(object) = self.object(class) else { return None };
        let fields = object.fields.clone();
        Some(fields.iter().filter_map(|field| self.enum_member(class, field)).collect())
    }

    pub(super) fn enum_member(&mut self, class: Ref, name: &Name) -> Option<Value> {
        if !self.is_enum(class) || name.starts_with('_') {
            return None;
        }
        let Object::Class(object) = self.object(class) else { return None };
        let value = object.names.get(name)?.clone();
        if let Value::Object(reference) = &value {
            match self.object(*reference) {
                Object::Function(_) | Object::Property(_) | Object::StaticMethod(_) | Object::ClassMethod(_) => {
                    return None;
                }
                Object::Instance(instance) if instance.class == class => return Some(value),
                _ => {}
            }
        }
        let attributes = BTreeMap::from([
            ("value".into(), value.clone()),
            ("_value_".into(), value),
            ("name".into(), Value::str(name.clone())),
        ]);
        let member = self.new_object(Object::Instance(Instance { class, attributes, host: None }));
        // Members are singletons.
        if let Object::Class(object) = &mut self.heap[class.0].object {
            object.names.insert(name.clone(), member.clone());
        }
        Some(member)
    }
}
