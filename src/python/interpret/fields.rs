//! Fields of data classes and named tuples, and the functions of `dataclasses`.

use super::{Host, Interp, pydantic};
use crate::python::syntax::Name;
use crate::python::value::{
    Annotation, Args, Argument, At, Compared, DataClass, Dict, Key, Object, Ref, Stop, Unknown, Value,
};

/// What a field of a data class is without an argument.
enum Default {
    Value(Value),
    Factory(Value),
}

/// A field with what its class's body gives it.
pub(super) struct Field {
    name: Name,
    given: Option<Value>,
    keyword_only: bool,
    init_only: bool,
}

/// Decorators that make a data class.
const DECORATORS: [&str; 6] = [
    "dataclasses.dataclass",
    "attr.s",
    "attr.define",
    "attrs.define",
    "attrs.frozen",
    "pydantic.dataclasses.dataclass",
];

impl<H: Host> Interp<'_, H> {
    /// The fields of a data class or named tuple in order; `None` for other classes.
    pub(super) fn field_names(&self, class: Ref) -> Option<Vec<Name>> {
        let fields = self.has_fields(class).then(|| self.all_fields(class))?;
        Some(fields.into_iter().filter(|field| !field.init_only).map(|field| field.name).collect())
    }

    pub(super) fn has_fields(&self, class: Ref) -> bool {
        let Object::Class(object) = self.object(class) else { return false };
        object.order.iter().any(|entry| match entry {
            Value::Object(entry) => matches!(self.object(*entry), Object::Class(class) if class.dataclass.is_some()),
            Value::Outside(path) => &**path == "typing.NamedTuple" || pydantic::is_base(path),
            _ => false,
        })
    }

    /// The options of the nearest data class that a class is or derives from.
    pub(super) fn data_class(&self, class: Ref) -> Option<DataClass> {
        let Object::Class(object) = self.object(class) else { return None };
        object.order.iter().find_map(|entry| match entry {
            Value::Object(entry) => match self.object(*entry) {
                Object::Class(class) => class.dataclass,
                _ => None,
            },
            _ => None,
        })
    }

    /// `@dataclass`, with or without options; whether it is that.
    pub(super) fn make_data_class(&mut self, callee: &Value, value: &Value, at: At) -> bool {
        let options = match callee {
            Value::Object(object) => match self.object(*object) {
                Object::Partial { function, args } => function.outside_path().cloned().zip(Some((**args).clone())),
                _ => None,
            },
            Value::Outside(path) => Some((path.clone(), Args::default())),
            _ => None,
        };
        let Some((path, args)) = options.filter(|(path, _)| DECORATORS.contains(&&**path)) else { return false };
        let flag = |run: &Self, name: &str, default: bool| match args.keyword(name) {
            Some(given) => run.truth(&given.value, at).unwrap_or(default),
            None => default,
        };
        let dataclass = DataClass {
            keyword_only: flag(self, "kw_only", false),
            compared: match (flag(self, "eq", true), flag(self, "order", false)) {
                (_, true) => Compared::Order,
                (true, false) => Compared::Equality,
                (false, false) => Compared::Never,
            },
            frozen: flag(self, "frozen", &*path == "attrs.frozen"),
            hashed: flag(self, "unsafe_hash", false),
        };
        if let Value::Object(object) = value
            && let Object::Class(class) = self.change(*object)
        {
            class.dataclass = Some(dataclass);
        }
        true
    }

    /// Whether a function makes the decorator of a data class.
    pub(super) fn decorates_data_class(path: &str) -> bool {
        DECORATORS.contains(&path)
    }

    /// Fields with their defaults, those of bases first.
    pub(super) fn fields(&self, class: Ref) -> Vec<(Name, Option<Value>)> {
        self.all_fields(class).into_iter().map(|field| (field.name, field.given)).collect()
    }

    fn all_fields(&self, class: Ref) -> Vec<Field> {
        let mut fields: Vec<Field> = Vec::new();
        let Object::Class(object) = self.object(class) else { return fields };
        for entry in object.order.iter().rev() {
            let Value::Object(entry) = entry else { continue };
            let Object::Class(class) = self.object(*entry) else { continue };
            let mut keyword_only = class.dataclass.is_some_and(|options| options.keyword_only);
            for name in &class.fields {
                let init_only = match class.annotated.get(name) {
                    Some(Annotation::KeywordsFollow) => {
                        keyword_only = true;
                        continue;
                    }
                    Some(annotation) => *annotation == Annotation::InitOnly,
                    None => continue,
                };
                let given = class.names.get(name).cloned();
                match fields.iter_mut().find(|field| field.name == *name) {
                    Some(known) => {
                        known.given = given.or_else(|| known.given.take());
                        (known.keyword_only, known.init_only) = (keyword_only, init_only);
                    }
                    None => fields.push(Field { name: name.clone(), given, keyword_only, init_only }),
                }
            }
        }
        fields
    }

    pub(super) fn initialise_fields(&mut self, instance: Ref, class: Ref, args: &Args, at: At) -> Result<(), Stop> {
        let of_library = self.outside_bases(class).iter().any(|base| pydantic::is_base(base));
        let (mut taken, mut named) = (0, 0);
        let mut rest = Args::default();
        for field in self.all_fields(class) {
            if of_library {
                let value = self.library_field(class, &field, args, at)?;
                if let Object::Instance(instance) = self.change(instance) {
                    instance.attributes.insert(field.name, value);
                }
                continue;
            }
            let (default, keyword_only, init) = self.field_default(field.given, at);
            let keyword_only = keyword_only.unwrap_or(field.keyword_only);
            let positional = if keyword_only || !init { None } else { args.positional.get(taken) };
            if !keyword_only && init {
                taken += 1;
            }
            let keyword = args.keyword(&field.name).filter(|_| init);
            let given = positional.or_else(|| keyword.inspect(|_| named += 1));
            let value = match (given, default) {
                (Some(argument), _) => argument.value.clone(),
                (None, Some(Default::Value(value))) => value,
                (None, Some(Default::Factory(factory))) => self.call_with(&factory, Vec::new(), at)?,
                (None, None) => match &args.unknown {
                    Some(why) => Unknown::clone(why).value(),
                    None if !init => continue,
                    None => {
                        let message = format!("missing required argument: '{}'", field.name);
                        return self.raise("TypeError", message, at);
                    }
                },
            };
            if field.init_only {
                rest.positional.push(Argument { value, at });
            } else if let Object::Instance(instance) = self.change(instance) {
                instance.attributes.insert(field.name, value);
            }
        }
        if !of_library && (args.positional.len() > taken || args.keywords.len() > named) {
            return self.raise("TypeError", "an argument that the class does not have", at);
        }
        if let Some(method) = self.find_method(&Value::Object(instance), "__post_init__") {
            self.call(&method, rest, at)?;
        }
        Ok(())
    }

    /// The value of a field of one of pydantic's models.
    fn library_field(&mut self, class: Ref, field: &Field, args: &Args, at: At) -> Result<Value, Stop> {
        let unknown =
            |what: &str| Ok(Unknown::new(format!("{what} `{}` is not known", field.name), at, &*field.name).value());
        let options = field.given.as_ref().and_then(|given| self.field_call(given));
        let option = |name: &str| options.as_ref().and_then(|options| options.keyword(name));
        let alias = match (option("alias"), option("validation_alias")) {
            (None, None) => None,
            (Some(alias), None) => match alias.value.as_str() {
                Some(alias) => Some(alias.clone()),
                None => return unknown("what pydantic gives"),
            },
            _ => return unknown("what pydantic gives"),
        };
        let given = args.keyword(alias.as_ref().unwrap_or(&field.name)).map(|argument| argument.value.clone());
        if let Some(value) = given {
            return match self.field_value(class, &field.name, &value, at)? {
                Some(value) => Ok(value),
                None => unknown("what pydantic makes of"),
            };
        }
        if let Some(why) = &args.unknown {
            return Ok(Unknown::clone(why).value());
        }
        // By its own name it is taken where the model says so.
        let by_name = alias.is_some() && args.keyword(&field.name).is_some();
        if by_name || self.is_settings(class) {
            return unknown(if by_name { "what pydantic makes of" } else { "what the environment gives" });
        }
        match self.field_default(field.given.clone(), at).0 {
            Some(Default::Value(value)) => Ok(self.copied(&value, 12)),
            Some(Default::Factory(factory)) => self.call_with(&factory, Vec::new(), at),
            // It may be optional by its type.
            None => unknown("what pydantic gives"),
        }
    }

    /// What a field is without an argument, whether it takes a position, and whether it takes an
    /// argument at all.
    fn field_default(&self, value: Option<Value>, at: At) -> (Option<Default>, Option<bool>, bool) {
        let Some(value) = value else { return (None, None, true) };
        let Some(args) = self.field_call(&value) else { return (Some(Default::Value(value)), None, true) };
        let flag = |name: &str| args.keyword(name).and_then(|arg| self.truth(&arg.value, at).ok());
        let default = match (args.keyword("default_factory").or(args.keyword("factory")), args.keyword("default")) {
            (Some(factory), _) => Some(Default::Factory(factory.value.clone())),
            (None, Some(default)) => Some(Default::Value(default.value.clone())),
            (None, None) => {
                let first = args.positional.first().map(|arg| arg.value.clone());
                first.filter(|value| !matches!(value, Value::Ellipsis)).map(Default::Value)
            }
        };
        (default, flag("kw_only"), flag("init").unwrap_or(true))
    }

    /// The arguments of `field(…)`.
    fn field_call(&self, value: &Value) -> Option<Args> {
        let Value::Object(object) = value else { return None };
        match self.object(*object) {
            Object::Partial { function: Value::Outside(path), args }
                if matches!(
                    &**path,
                    "dataclasses.field" | "pydantic.Field" | "attr.ib" | "attrs.field" | "attr.field"
                ) =>
            {
                Some((**args).clone())
            }
            _ => None,
        }
    }

    /// The fields that decide equality (`compare`) or are written by `repr`.
    pub(super) fn fields_with(&self, class: Ref, option: &str, at: At) -> Option<Vec<Name>> {
        let mut names = Vec::new();
        for field in self.all_fields(class).into_iter().filter(|field| !field.init_only) {
            let args = field.given.as_ref().and_then(|given| self.field_call(given));
            let wanted = match args.as_ref().and_then(|args| args.keyword(option)) {
                Some(given) => self.truth(&given.value, at).ok()?,
                None => true,
            };
            if wanted {
                names.push(field.name);
            }
        }
        Some(names)
    }

    /// A function of `dataclasses`.
    pub(super) fn call_dataclasses(&mut self, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let Some(Value::Object(object)) = args.positional.first().map(|arg| arg.value.clone()) else { return Ok(None) };
        let instance = match self.object(object) {
            Object::Instance(instance) if instance.host.is_none() && self.hazy(object).is_none() => instance.clone(),
            Object::Class(_) if name == "is_dataclass" => {
                return Ok(Some(Value::Bool(self.data_class(object).is_some())));
            }
            Object::Class(_) if name == "fields" && self.data_class(object).is_some() => {
                return Ok(Some(self.described_fields(object, at)));
            }
            _ => return Ok(None),
        };
        let class = instance.class;
        let Some(names) = self.field_names(class).filter(|_| self.data_class(class).is_some()) else {
            return Ok((name == "is_dataclass").then_some(Value::Bool(false)));
        };
        match name {
            "is_dataclass" => Ok(Some(Value::Bool(true))),
            "fields" => Ok(Some(self.described_fields(class, at))),
            "asdict" | "astuple" if args.positional.len() == 1 && args.keywords.is_empty() => {
                Ok(self.as_container(&Value::Object(object), name == "asdict", 16))
            }
            "replace" if args.positional.len() == 1 => {
                let mut all = Args::default();
                for name in names {
                    let value = instance.attributes.get(&name).cloned();
                    let field = self.all_fields(class).into_iter().find(|field| field.name == name);
                    let (_, _, init) = self.field_default(field.and_then(|field| field.given), at);
                    let Some(value) = value else { return Ok(None) };
                    if init {
                        all.set_keyword(&name, Argument { value, at });
                    }
                }
                for (name, argument) in &args.keywords {
                    all.set_keyword(name, argument.clone());
                }
                self.instantiate(class, &all, at).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// `fields(…)`: of each its name and what it is without an argument.
    fn described_fields(&mut self, class: Ref, at: At) -> Value {
        let mut described = Vec::new();
        for field in self.all_fields(class).into_iter().filter(|field| !field.init_only) {
            let mut args = Args::default();
            args.set_keyword("name", Argument { value: Value::str(field.name.clone()), at });
            let default = match self.field_default(field.given, at).0 {
                Some(Default::Value(value)) => value,
                _ => Value::outside("dataclasses.MISSING"),
            };
            args.set_keyword("default", Argument { value: default, at });
            described.extend(self.namespace(&args, at));
        }
        // What else a field says of itself is not followed.
        for value in &described {
            self.open_instances(value, 1);
        }
        self.new_tuple(described)
    }

    /// `asdict(value)` or `astuple(value)`: data classes, lists, tuples and dicts are copied.
    fn as_container(&mut self, value: &Value, dict: bool, depth: usize) -> Option<Value> {
        let Value::Object(object) = value else { return Some(value.clone()) };
        let depth = depth.checked_sub(1)?;
        if self.hazy(*object).is_some() {
            return None;
        }
        match self.object(*object).clone() {
            Object::Instance(instance) if self.data_class(instance.class).is_some() => {
                let mut made = Dict::default();
                let mut values = Vec::new();
                for name in self.field_names(instance.class)? {
                    let value = instance.attributes.get(&name).cloned()?;
                    let value = self.as_container(&value, dict, depth)?;
                    values.push(value.clone());
                    made.insert(Key::Str(name.clone()), Value::str(name), value);
                }
                Some(if dict { self.new_object(Object::Dict(made)) } else { self.new_tuple(values) })
            }
            Object::Instance(instance) if instance.held.is_some() && !self.is_enum(instance.class) => None,
            Object::List(list) => {
                let items =
                    list.items.iter().map(|item| self.as_container(item, dict, depth)).collect::<Option<_>>()?;
                Some(self.new_list(items))
            }
            Object::Tuple(tuple) => {
                let items =
                    tuple.items.iter().map(|item| self.as_container(item, dict, depth)).collect::<Option<_>>()?;
                Some(self.new_tuple(items))
            }
            Object::Dict(given) => {
                let mut made = Dict::with_default(given.default.clone());
                for (written, value) in given.pairs() {
                    let value = self.as_container(&value, dict, depth)?;
                    made.insert(self.key(&written)?, written, value);
                }
                Some(self.new_object(Object::Dict(made)))
            }
            _ => Some(value.clone()),
        }
    }
}
