//! Models of pydantic: what becomes of the values that a field is given, as far as both of its
//! generations agree and the annotation says it. Anything else is not known.

use super::{Host, Interp};
use crate::python::parse::parse;
use crate::python::syntax::{BinaryOp, Class, Expr, ExprKind, Name, Stmt, StmtKind};
use crate::python::value::{Args, Argument, At, Dict, Object, Ref, ScopeRef, Stop, Value};
use std::rc::Rc;

/// What a type makes of a value.
enum Made {
    Value(Value),
    /// Certainly nothing: it is refused.
    Refused,
    Unclear,
}

/// Options of a model that change nothing in what its fields hold.
const HARMLESS: [&str; 13] = [
    "arbitrary_types_allowed",
    "allow_mutation",
    "allow_population_by_field_name",
    "extra",
    "from_attributes",
    "frozen",
    "json_encoders",
    "json_schema_extra",
    "orm_mode",
    "populate_by_name",
    "protected_namespaces",
    "title",
    "validate_assignment",
];

/// Whether an outside base is one of pydantic's.
pub(super) fn is_base(path: &str) -> bool {
    path.starts_with("pydantic.") || path.starts_with("pydantic_settings.")
}

/// Whether a class method of a model makes an instance of a dict.
pub(super) fn makes(name: &str) -> bool {
    matches!(name, "model_validate" | "parse_obj")
}

impl<H: Host> Interp<'_, H> {
    /// Whether the environment gives the fields of a class what no argument gives.
    pub(super) fn is_settings(&self, class: Ref) -> bool {
        self.outside_bases(class).iter().any(|base| is_base(base) && base.ends_with(".BaseSettings"))
    }

    /// What pydantic makes of the argument for a field; `None` if that is not known.
    pub(super) fn field_value(
        &mut self,
        class: Ref,
        field: &Name,
        value: &Value,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        if self.is_reshaped(class) {
            return Ok(None);
        }
        let Some((definition, scope, index)) = self.annotation(class, field) else { return Ok(None) };
        let StmtKind::Annotated { annotation, .. } = &definition.body[index].kind else { return Ok(None) };
        Ok(match self.as_type(scope, annotation, value, at)? {
            Made::Value(value) => Some(value),
            Made::Refused | Made::Unclear => None,
        })
    }

    /// `Model.model_validate(value)`, `Model.parse_obj(value)`.
    pub(super) fn validated(&mut self, class: Ref, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        match args.positional.as_slice() {
            [given] if args.keywords.is_empty() && args.unknown.is_none() => {
                match self.model(class, &given.value, at)? {
                    Made::Value(value) => Ok(Some(value)),
                    Made::Refused | Made::Unclear => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    /// Whether validators or options of a model may make anything of what it is given.
    fn is_reshaped(&self, class: Ref) -> bool {
        let Object::Class(object) = self.object(class) else { return true };
        object.order.iter().any(|entry| {
            let Value::Object(entry) = entry else { return false };
            let Object::Class(class) = self.object(*entry) else { return false };
            class.names.iter().any(|(name, value)| match &**name {
                "Config" | "model_config" => !self.is_harmless(value),
                "__init__" | "__new__" | "__get_validators__" | "model_post_init" => true,
                _ => matches!(value, Value::Unknown(_)) && !class.annotated.contains_key(name),
            })
        })
    }

    fn is_harmless(&self, options: &Value) -> bool {
        let known = |name: &str| name.starts_with("__") || HARMLESS.contains(&name);
        match options {
            Value::Object(object) => match self.object(*object) {
                Object::Class(class) => class.order.len() == 1 && class.names.keys().all(|name| known(name)),
                _ => self
                    .dict_pairs(options)
                    .is_some_and(|pairs| pairs.iter().all(|(key, _)| key.as_str().is_some_and(|key| known(key)))),
            },
            _ => false,
        }
    }

    /// Where the annotation of a field stands: a class with the scope around it, and which
    /// statement of its body.
    fn annotation(&self, class: Ref, field: &Name) -> Option<(Rc<Class>, ScopeRef, usize)> {
        let Object::Class(object) = self.object(class) else { return None };
        object.order.iter().find_map(|entry| {
            let Value::Object(owner) = entry else { return None };
            let Object::Class(owner) = self.object(*owner) else { return None };
            let (definition, scope) = owner.body.as_ref()?;
            let index = definition.body.iter().rposition(|statement| match &statement.kind {
                StmtKind::Annotated { target, .. } => matches!(&target.kind, ExprKind::Name(name) if name == field),
                _ => false,
            })?;
            Some((definition.clone(), *scope, index))
        })
    }

    /// What a type, as it is written in some scope, makes of a value.
    fn as_type(&mut self, scope: ScopeRef, written: &Expr, value: &Value, at: At) -> Result<Made, Stop> {
        match &written.kind {
            ExprKind::None => Ok(if matches!(value, Value::None) { Made::Value(Value::None) } else { Made::Refused }),
            ExprKind::Str(text) => match parse(text.as_bytes()).as_ref().map(|module| module.body.as_slice()) {
                Ok([Stmt { kind: StmtKind::Expr(inner), .. }]) if !matches!(inner.kind, ExprKind::Str(_)) => {
                    self.as_type(scope, inner, value, at)
                }
                _ => Ok(Made::Unclear),
            },
            ExprKind::Binary(first, rest) if rest.iter().all(|(op, _)| *op == BinaryOp::Or) => {
                let arms: Vec<&Expr> = std::iter::once(&**first).chain(rest.iter().map(|(_, arm)| arm)).collect();
                self.as_one_of(scope, &arms, value, at)
            }
            ExprKind::Subscript(head, index) => {
                let Some(Value::Outside(path)) = self.written_type(scope, head, at)? else { return Ok(Made::Unclear) };
                let several = match &index.kind {
                    ExprKind::Tuple(all) => all.iter().collect(),
                    _ => vec![&**index],
                };
                match (type_name(&path), several.as_slice()) {
                    ("Optional", [_]) if matches!(value, Value::None) => Ok(Made::Value(Value::None)),
                    ("Optional" | "Final", [inner]) => self.as_type(scope, inner, value, at),
                    ("Union", arms) => self.as_one_of(scope, arms, value, at),
                    ("list", [inner]) => self.as_list(scope, inner, value, at),
                    ("dict", [key, inner]) => self.as_dict(scope, [key, inner], value, at),
                    ("Literal", literals) => Ok(as_literal(literals, value)),
                    ("Callable", _) => Ok(self.as_named("Callable", value)),
                    _ => Ok(Made::Unclear),
                }
            }
            _ => match self.written_type(scope, written, at)? {
                Some(Value::Outside(path)) => Ok(self.as_named(type_name(&path), value)),
                Some(Value::Object(class)) if self.is_enum(class) => self.as_member(class, value, at),
                Some(Value::Object(class)) => self.model(class, value, at),
                _ => Ok(Made::Unclear),
            },
        }
    }

    /// The class or outside name that a type is written as.
    fn written_type(&mut self, scope: ScopeRef, written: &Expr, at: At) -> Result<Option<Value>, Stop> {
        let named = |run: &Self, name: &str| {
            run.find_name(scope, name).unwrap_or_else(|| Value::outside(format!("builtins.{name}")))
        };
        Ok(match &written.kind {
            ExprKind::Name(name) => Some(named(self, name)),
            ExprKind::Attribute(object, name) => match self.written_type(scope, object, at)? {
                Some(object) => Some(self.attribute(&object, name, at)?),
                None => None,
            },
            _ => None,
        })
    }

    /// What the first of several types that does not refuse it makes of a value.
    fn as_one_of(&mut self, scope: ScopeRef, arms: &[&Expr], value: &Value, at: At) -> Result<Made, Stop> {
        if matches!(value, Value::None) && arms.iter().any(|arm| matches!(arm.kind, ExprKind::None)) {
            return Ok(Made::Value(Value::None));
        }
        for arm in arms {
            match self.as_type(scope, arm, value, at)? {
                Made::Refused => {}
                // The generations differ where a later type fits better.
                Made::Value(made) if self.same(&made, value) || arms.len() == 1 => return Ok(Made::Value(made)),
                Made::Value(made) if !scalar(value) => return Ok(Made::Value(made)),
                Made::Value(_) | Made::Unclear => return Ok(Made::Unclear),
            }
        }
        Ok(Made::Refused)
    }

    fn as_list(&mut self, scope: ScopeRef, inner: &Expr, value: &Value, at: At) -> Result<Made, Stop> {
        let list = matches!(value, Value::Object(object) if matches!(self.object(*object), Object::List(_)));
        let Some(items) = self.items(value).map(<[Value]>::to_vec).filter(|_| list) else {
            return Ok(if scalar(value) { Made::Refused } else { Made::Unclear });
        };
        let mut made = Vec::with_capacity(items.len());
        for item in items {
            match self.as_type(scope, inner, &item, at)? {
                Made::Value(item) => made.push(item),
                other => return Ok(other),
            }
        }
        Ok(Made::Value(self.new_list(made)))
    }

    fn as_dict(&mut self, scope: ScopeRef, types: [&Expr; 2], value: &Value, at: At) -> Result<Made, Stop> {
        let Some(pairs) = self.dict_pairs(value) else {
            return Ok(if scalar(value) { Made::Refused } else { Made::Unclear });
        };
        let mut made = Dict::default();
        for (key, value) in pairs {
            let key = match self.as_type(scope, types[0], &key, at)? {
                Made::Value(key) => key,
                other => return Ok(other),
            };
            let value = match self.as_type(scope, types[1], &value, at)? {
                Made::Value(value) => value,
                other => return Ok(other),
            };
            let Some(hashed) = self.key(&key) else { return Ok(Made::Unclear) };
            made.insert(hashed, key, value);
        }
        Ok(Made::Value(self.new_object(Object::Dict(made))))
    }

    /// A type of Python's own, of `typing` or of pydantic, by its last name.
    fn as_named(&mut self, name: &str, value: &Value) -> Made {
        let kept = || Made::Value(value.clone());
        match (name, value) {
            // What is not known stays so; a text that is not known is a text.
            ("Any" | "object", _)
            | ("str", Value::Str(_) | Value::Unknown(_))
            | ("int", Value::Int(_))
            | ("float", Value::Float(_))
            | ("bool", Value::Bool(_)) => kept(),
            ("int", Value::Str(text)) => match text.text.parse() {
                Ok(number) if text.text.bytes().all(|byte| byte.is_ascii_digit()) => Made::Value(Value::Int(number)),
                _ => Made::Unclear,
            },
            #[allow(clippy::cast_precision_loss, reason = "as Python does")]
            ("float", Value::Int(number)) => Made::Value(Value::Float(*number as f64)),
            ("bool", Value::Str(text)) => match &*text.text.to_ascii_lowercase() {
                "true" | "t" | "yes" | "y" | "on" | "1" => Made::Value(Value::Bool(true)),
                "false" | "f" | "no" | "n" | "off" | "0" => Made::Value(Value::Bool(false)),
                _ => Made::Refused,
            },
            ("bool", Value::Int(number @ (0 | 1))) => Made::Value(Value::Bool(*number == 1)),
            ("str" | "int" | "float" | "bool", Value::None) => Made::Refused,
            ("list" | "dict", value) if scalar(value) => Made::Refused,
            ("Path", Value::Str(_)) => match self.path_of(value) {
                Some(path) => Made::Value(self.new_path(&path)),
                None => Made::Unclear,
            },
            (_, Value::Object(object)) => match (name, self.object(*object)) {
                ("str" | "int" | "float" | "bool", Object::List(_) | Object::Dict(_)) => Made::Refused,
                ("list", Object::List(_)) | ("dict", Object::Dict(_)) => Made::Value(self.copied(value, 12)),
                ("Callable", Object::Function(_) | Object::Partial { .. } | Object::Class(_)) => kept(),
                ("Path" | "datetime" | "timedelta" | "date", Object::Standard(standard)) => {
                    let module = if name == "Path" { "pathlib" } else { "datetime" };
                    match standard.is_a(&format!("{module}.{name}")) {
                        Some(true) if name != "date" => kept(),
                        _ => Made::Unclear,
                    }
                }
                _ => Made::Unclear,
            },
            _ => Made::Unclear,
        }
    }

    /// A member of an enumeration, by its value.
    fn as_member(&mut self, class: Ref, value: &Value, at: At) -> Result<Made, Stop> {
        if !matches!(value, Value::Str(_) | Value::Int(_) | Value::Object(_)) {
            return Ok(if matches!(value, Value::None) { Made::Refused } else { Made::Unclear });
        }
        match self.instantiate(class, &Args::positional([value.clone()], at), at) {
            Ok(made @ Value::Object(_)) => Ok(Made::Value(made)),
            Ok(_) => Ok(Made::Unclear),
            Err(Stop::Raise(_)) => Ok(Made::Refused),
            Err(stop) => Err(stop),
        }
    }

    /// An instance of a class: itself, or a model that is made of a dict.
    fn model(&mut self, class: Ref, value: &Value, at: At) -> Result<Made, Stop> {
        let Object::Class(_) = self.object(class) else { return Ok(Made::Unclear) };
        let Value::Object(given) = value else {
            return Ok(if scalar(value) { Made::Refused } else { Made::Unclear });
        };
        if let Object::Instance(instance) = self.object(*given) {
            let derives = match self.object(instance.class) {
                Object::Class(own) => {
                    own.order.iter().any(|entry| matches!(entry, Value::Object(entry) if *entry == class))
                }
                _ => false,
            };
            return Ok(if derives { Made::Value(value.clone()) } else { Made::Unclear });
        }
        let model = self.outside_bases(class).iter().any(|base| is_base(base));
        let Some(pairs) = self.dict_pairs(value).filter(|_| model) else { return Ok(Made::Unclear) };
        let mut args = Args::default();
        for (key, value) in pairs {
            let Some(key) = key.as_str() else { return Ok(Made::Unclear) };
            args.set_keyword(key, Argument { value, at });
        }
        Ok(Made::Value(self.instantiate(class, &args, at)?))
    }
}

/// Whether that is a text, a number, a truth value or nothing.
const fn scalar(value: &Value) -> bool {
    matches!(value, Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Str(_) | Value::Bytes(_))
}

/// The last name of a type, where several mean the same: that of Python's own.
fn type_name(path: &str) -> &str {
    let (module, name) = path.rsplit_once('.').unwrap_or(("", path));
    match (module, name) {
        // Names that Python itself does not have come with `from typing import *`.
        ("typing" | "collections.abc" | "typing_extensions" | "builtins", "List" | "Sequence" | "MutableSequence") => {
            "list"
        }
        ("typing" | "collections.abc" | "typing_extensions" | "builtins", "Dict" | "Mapping" | "MutableMapping") => {
            "dict"
        }
        (_, "StrictStr") => "str",
        (_, "StrictInt" | "PositiveInt" | "NonNegativeInt") => "int",
        (_, "StrictBool") => "bool",
        ("typing" | "typing_extensions" | "collections.abc" | "builtins" | "pathlib" | "datetime", name) => name,
        _ => "",
    }
}

/// `Literal[…]`
fn as_literal(literals: &[&Expr], value: &Value) -> Made {
    let is = |literal: &&Expr| match (&literal.kind, value) {
        (ExprKind::Str(text), Value::Str(given)) => *text == given.text,
        (ExprKind::Int(number), Value::Int(given)) => number == given,
        (ExprKind::None, Value::None) | (ExprKind::True, Value::Bool(true)) | (ExprKind::False, Value::Bool(false)) => {
            true
        }
        _ => false,
    };
    if literals.iter().any(is) { Made::Value(value.clone()) } else { Made::Unclear }
}
