//! Classes and their instances.

use super::{Host, Interp, Unknown};
use crate::python::syntax::{Arg, Class, ExprKind, Name};
use crate::python::value::{Args, Argument, At, ClassObject, Instance, Object, Ref, Stop, Value};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Bases that add nothing.
const EMPTY_BASES: [&str; 6] =
    ["builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol", "typing_extensions.Protocol", "builtins.type"];

impl<H: Host> Interp<'_, H> {
    pub(super) fn define_class(&mut self, def: &Rc<Class>, at: At) -> Result<Value, Stop> {
        let mut bases = Vec::new();
        let (mut made_outside, mut metaclass) = (false, None);
        let mut options: Vec<(Name, Argument)> = Vec::new();
        for argument in &def.arguments {
            if let Arg::Keyword(name, value) = argument
                && &**name != "metaclass"
            {
                let value = Argument { at: self.at(value.span), value: self.eval(value)? };
                options.push((name.clone(), value));
            }
            if let Arg::Keyword(name, value) = argument
                && &**name == "metaclass"
            {
                match self.eval(value)? {
                    Value::Object(own) if self.only_calls(own) => metaclass = Some(own),
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
        if metaclass.is_some_and(|metaclass| !self.may_share(metaclass, &bases)) {
            return Err(self.limit("a metaclass of the tree beside those of its bases is not followed", at));
        }
        let Some(frame) = self.frames.last() else { return Ok(Value::None) };
        let (outer, file, called_at) = (frame.scope, frame.file, frame.called_at);
        let module = self.tree.module_name(file);
        let path = format!("{module}.{}", def.name).into();
        let mut made = ClassObject::named(def.name.clone(), path);
        made.qualified = self.qualified_name(&def.name);
        made.body = Some((def.clone(), outer));
        let class = self.new_object(Object::Class(Box::new(made)));
        let Value::Object(reference) = class else { return Ok(class) };
        if made_outside {
            self.opened.insert(reference);
        }
        if let Some(metaclass) = metaclass {
            self.metaclasses.insert(reference, metaclass);
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
        if names.contains_key("__getattribute__") {
            return Err(self.limit("`__getattribute__` is not followed", at));
        }
        if let Object::Class(class) = self.change(reference) {
            class.names = names;
            class.fields = fields;
            class.annotated = annotated;
            class.order = order;
        }
        self.make_members(reference, at)?;
        self.name_parts(reference, at)?;
        if let Some((Ok(hook), _)) = self.find_in_class(reference, "__init_subclass__", Some(reference)) {
            let hook = match &hook {
                Value::Object(object) => match self.object(*object) {
                    Object::ClassMethod(inner) => inner.clone(),
                    _ => hook,
                },
                _ => hook,
            };
            let args = Args { keywords: options, ..Args::positional([class.clone()], at) };
            self.call(&hook, args, at)?;
        }
        Ok(class)
    }

    /// Tells the instances in the body of a class by which name they are found there.
    fn name_parts(&mut self, class: Ref, at: At) -> Result<(), Stop> {
        let Object::Class(object) = self.object(class) else { return Ok(()) };
        let instances: Vec<(Name, Value)> = object
            .fields
            .iter()
            .filter_map(|name| Some((name.clone(), object.names.get(name)?.clone())))
            .filter(|(_, value)| matches!(value, Value::Object(object) if matches!(self.object(*object), Object::Instance(_))))
            .collect();
        for (index, (name, value)) in instances.iter().enumerate() {
            if !instances[..index].iter().any(|(earlier, _)| earlier == name) {
                self.special(value, "__set_name__", vec![Value::Object(class), Value::str(name.clone())], at)?;
            }
        }
        Ok(())
    }

    /// A name with the classes and functions that its definition stands in.
    fn qualified_name(&self, name: &Name) -> Name {
        let Some(frame) = self.frames.last() else { return name.clone() };
        if self.scopes[frame.scope.0].parent.is_none() {
            return name.clone();
        }
        match frame.class.filter(|_| self.scopes[frame.scope.0].class_body).map(|class| self.object(class)) {
            Some(Object::Class(outer)) => format!("{}.{name}", outer.qualified).into(),
            _ => format!("<locals>.{name}").into(),
        }
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
        Some(self.new_object(Object::Instance(Instance { attributes, ..Instance::of(class) })))
    }

    pub(super) fn new_class(&mut self, class: ClassObject, bases: &[Value], at: At) -> Value {
        let made = self.new_object(Object::Class(Box::new(class)));
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

    /// A call of a class: what its metaclass makes of it, as far as that is one of the tree.
    pub(super) fn instantiate(&mut self, class: Ref, args: &Args, at: At) -> Result<Value, Stop> {
        let own = self.metaclass(class).and_then(|metaclass| self.find_in_class(metaclass, "__call__", None));
        let Some((Ok(call), _)) = own else { return self.make_instance(class, args, at) };
        let mut all = args.clone();
        all.positional.insert(0, Argument { value: Value::Object(class), at });
        self.call(&call, all, at)
    }

    /// The metaclass of the tree that a class has, or that one of its bases has.
    pub(super) fn metaclass(&self, class: Ref) -> Option<Ref> {
        if self.metaclasses.is_empty() {
            return None;
        }
        let Object::Class(object) = self.object(class) else { return None };
        object.order.iter().find_map(|entry| match entry {
            Value::Object(class) => self.metaclasses.get(class).copied(),
            _ => None,
        })
    }

    /// Whether no base has a metaclass that a class with this one could not have.
    fn may_share(&self, metaclass: Ref, bases: &[Value]) -> bool {
        let Object::Class(object) = self.object(metaclass) else { return false };
        let of_abc = object.order.iter().any(|entry| matches!(entry, Value::Outside(path) if &**path == "abc.ABCMeta"));
        let plain = |path: &str| {
            matches!(path, "builtins.object" | "typing.Generic")
                || of_abc && matches!(path, "abc.ABC" | "typing.Protocol")
        };
        bases.iter().all(|base| match base {
            Value::Outside(path) => plain(path),
            Value::Object(class) => self.outside_bases(*class).iter().all(|path| plain(path)),
            _ => false,
        })
    }

    /// Whether a metaclass changes nothing but what a call of its classes does.
    fn only_calls(&self, metaclass: Ref) -> bool {
        let Object::Class(object) = self.object(metaclass) else { return false };
        let known = |name: &Name| {
            !name.starts_with("__") || matches!(&**name, "__call__" | "__doc__" | "__module__" | "__qualname__")
        };
        self.hazy(metaclass).is_none()
            && object.order.iter().all(|entry| match entry {
                Value::Object(class) => match self.object(*class) {
                    Object::Class(class) => class.names.keys().all(known),
                    _ => false,
                },
                Value::Outside(path) => matches!(&**path, "builtins.type" | "builtins.object" | "abc.ABCMeta"),
                _ => false,
            })
    }

    /// What `type.__call__` does.
    pub(super) fn make_instance(&mut self, class: Ref, args: &Args, at: At) -> Result<Value, Stop> {
        if self.is_enum(class) {
            return self.member_of_value(class, args, at);
        }
        if let Some(name) = self.missing_method(class) {
            let message = format!("cannot instantiate: the abstract method `{name}` is not implemented");
            return self.raise("TypeError", message, at);
        }
        let bases = self.outside_bases(class);
        if bases.iter().any(|base| super::exception::is_exception(base)) {
            let instance = Instance::of(class);
            let instance = self.new_object(Object::Instance(instance));
            if let Value::Object(reference) = instance {
                self.initialise(reference, class, None, args, at)?;
            }
            return Ok(instance);
        }
        let held = self.held_type(class);
        let plain = held.is_some() && !matches!(self.find_in_class(class, "__new__", None), Some((Ok(_), _)));
        if !plain && bases.iter().any(|base| base.starts_with("builtins.") && !EMPTY_BASES.contains(&&**base)) {
            // A subclass of `dict`, `str`, `Exception`: what it holds is not followed.
            return Ok(self.unknown_from(
                &args.positional.iter().map(|arg| arg.value.clone()).collect::<Vec<_>>(),
                &self.text(&Value::Object(class)),
                at,
            ));
        }
        let instance = match self.find_in_class(class, "__new__", None) {
            Some((Ok(new), _)) if self.outside_bases(class).iter().all(|base| EMPTY_BASES.contains(&&**base)) => {
                let mut all = args.clone();
                all.positional.insert(0, Argument { value: Value::Object(class), at });
                let made = self.call(&new, all, at)?;
                match &made {
                    Value::Object(object) => match self.object(*object) {
                        Object::Instance(instance) if instance.class == class => made,
                        _ => return Ok(made),
                    },
                    Value::Unknown(_) | Value::OneOf(_) => {
                        return Err(self.limit("what `__new__` makes is not known", at));
                    }
                    _ => return Ok(made),
                }
            }
            Some((Ok(_), _)) => return Err(self.limit("`__new__` is not followed", at)),
            _ => self.new_object(Object::Instance(Instance::of(class))),
        };
        let Value::Object(reference) = instance else { return Ok(instance) };
        if let Some(kind) = held {
            let own = matches!(self.find_in_class(class, "__init__", None), Some((Ok(_), _)));
            let given = if own && matches!(kind, "dict" | "list" | "set") { Args::default() } else { args.clone() };
            self.hold(reference, kind, &given, at)?;
            if !own {
                return Ok(instance);
            }
        }
        self.initialise(reference, class, None, args, at)?;
        self.hold_fields(reference, class);
        H::constructed(self, reference, at)?;
        Ok(instance)
    }

    /// The name of an abstract method of a class that nothing in it implements.
    fn missing_method(&self, class: Ref) -> Option<Name> {
        let Object::Class(object) = self.object(class) else { return None };
        let abstract_one = |value: &Value| match value {
            Value::Object(object) => match self.object(*object) {
                Object::Property { get: Value::Object(inner), .. }
                | Object::StaticMethod(Value::Object(inner))
                | Object::ClassMethod(Value::Object(inner)) => self.abstracts.contains(inner),
                _ => self.abstracts.contains(object),
            },
            _ => false,
        };
        if self.abstracts.is_empty() || !self.outside_bases(class).iter().any(|base| &**base == "abc.ABC") {
            return None;
        }
        let classes = object.order.iter().filter_map(|entry| match entry {
            Value::Object(entry) => Some(*entry),
            _ => None,
        });
        let names = classes.filter_map(|entry| match self.object(entry) {
            Object::Class(class) => Some(class.names.iter()),
            _ => None,
        });
        let mut missing = names.flatten().filter(|(_, value)| abstract_one(value)).map(|(name, _)| name);
        missing
            .find(|name| matches!(self.find_in_class(class, name, None), Some((Ok(found), _)) if abstract_one(&found)))
            .cloned()
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
            Some((Err(_), _))
                if self.held_type(class).is_some() && self.host_of(&Value::Object(instance)).is_none() =>
            {
                if let Some(kind @ ("dict" | "list" | "set")) = self.held_type(class) {
                    self.hold(instance, kind, args, at)?;
                }
            }
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
}
