//! Special methods of classes of the tree: `__contains__`, `__len__`, `__bool__`, `__eq__`,
//! `__lt__` and their kin, and what instances are without them.

use super::{Host, Interp};
use crate::python::syntax::CompareOp;
use crate::python::value::{At, Object, Ref, Stop, Unknown, Value};

impl<H: Host> Interp<'_, H> {
    /// The class of an instance of the tree that is not the host's.
    fn plain_class(&self, value: &Value) -> Option<Ref> {
        let Value::Object(object) = value else { return None };
        match self.object(*object) {
            Object::Instance(instance) if instance.host.is_none() => Some(instance.class),
            _ => None,
        }
    }

    /// Calls a special method, if the class of the instance defines it in the tree.
    fn special(&mut self, value: &Value, name: &str, args: Vec<Value>, at: At) -> Result<Option<Value>, Stop> {
        if self.plain_class(value).is_none() {
            return Ok(None);
        }
        match self.find_method(value, name) {
            Some(method) => self.call_with(&method, args, at).map(Some),
            None => Ok(None),
        }
    }

    /// What stands for an instance where its truth is asked: the answer of `__bool__`, else that
    /// of `__len__`, else the value itself.
    pub(super) fn condition(&mut self, value: &Value, at: At) -> Result<Value, Stop> {
        for name in ["__bool__", "__len__"] {
            if let Some(answer) = self.special(value, name, Vec::new(), at)? {
                return Ok(answer);
            }
        }
        Ok(value.clone())
    }

    /// Whether the truth of an instance is decided by a method, of the tree or of a container that
    /// its class derives from.
    pub(super) fn has_truth_of_its_own(&self, object: Ref) -> bool {
        let Some(class) = self.plain_class(&Value::Object(object)) else { return false };
        ["__bool__", "__len__"].iter().any(|name| match self.find_in_class(class, name, None) {
            Some((Ok(_), _)) => true,
            Some((Err(path), _)) => is_container(&path),
            None => false,
        })
    }

    /// `len(instance)`.
    pub(super) fn own_length(&mut self, value: &Value, at: At) -> Result<Option<Value>, Stop> {
        self.special(value, "__len__", Vec::new(), at)
    }

    /// A comparison that a special method decides.
    pub(super) fn own_comparison(
        &mut self,
        op: CompareOp,
        left: &Value,
        right: &Value,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        let (method, mirrored, negated) = match op {
            CompareOp::Eq => ("__eq__", "__eq__", false),
            CompareOp::NotEq => {
                if let Some(answer) = self.special(left, "__ne__", vec![right.clone()], at)? {
                    return Ok(Some(answer).filter(|answer| !is_not_implemented(answer)));
                }
                ("__eq__", "__eq__", true)
            }
            CompareOp::Less => ("__lt__", "__gt__", false),
            CompareOp::LessEq => ("__le__", "__ge__", false),
            CompareOp::Greater => ("__gt__", "__lt__", false),
            CompareOp::GreaterEq => ("__ge__", "__le__", false),
            CompareOp::In | CompareOp::NotIn => return self.own_membership(right, left, op == CompareOp::NotIn, at),
            CompareOp::Is | CompareOp::IsNot => return Ok(None),
        };
        for (object, name, other) in [(left, method, right), (right, mirrored, left)] {
            let Some(answer) = self.special(object, name, vec![other.clone()], at)? else { continue };
            if is_not_implemented(&answer) {
                continue;
            }
            return self.answer(answer, negated, at).map(Some);
        }
        Ok(None)
    }

    fn own_membership(
        &mut self,
        container: &Value,
        item: &Value,
        negated: bool,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        if let Some(answer) = self.special(container, "__contains__", vec![item.clone()], at)? {
            let tested = self.condition(&answer, at)?;
            let answer = match self.truth(&tested, at) {
                Ok(truth) => Value::Bool(truth),
                Err(_) => answer,
            };
            return self.answer(answer, negated, at).map(Some);
        }
        if self.plain_class(container).is_none() || self.find_method(container, "__iter__").is_none() {
            return Ok(None);
        }
        let Ok(items) = self.iterate(container, at)? else { return Ok(None) };
        let list = self.new_list(items);
        let op = if negated { CompareOp::NotIn } else { CompareOp::In };
        self.compare(op, item, &list, at).map(Some)
    }

    fn answer(&mut self, answer: Value, negated: bool, at: At) -> Result<Value, Stop> {
        if !negated {
            return Ok(answer);
        }
        let tested = self.condition(&answer, at)?;
        Ok(match self.truth(&tested, at) {
            Ok(truth) => Value::Bool(!truth),
            Err(_) => self.unknown_from(&[answer], "not", at),
        })
    }

    /// Whether two instances are equal where no class says how: data classes by their fields,
    /// members of an enumeration by what they are, anything else by identity.
    pub(super) fn equal_instances(&self, left: Ref, right: &Value, depth: usize) -> Option<bool> {
        let class = self.plain_class(&Value::Object(left))?;
        if let Some((_, _)) = self.find_in_class(class, "__eq__", None).filter(|(found, _)| found.is_ok()) {
            return None;
        }
        let Object::Class(of) = self.object(class) else { return None };
        if self.is_enum(class) {
            return self.equal_members(left, class, right, depth);
        }
        let plain = self.outside_bases(class).iter().all(|base| is_plain_base(base));
        if !plain {
            return None;
        }
        let Value::Object(other) = right else {
            // A text or a number is no instance of a class without such a base.
            return (!matches!(right, Value::Unknown(_) | Value::OneOf(_) | Value::Outside(_))).then_some(false);
        };
        if left == *other {
            return Some(true);
        }
        match self.object(*other) {
            Object::Instance(there) if there.class == class && of.dataclass => {
                let Object::Instance(here) = self.object(left) else { return None };
                let mut all = Some(true);
                for field in &of.fields {
                    let equal = match (here.attributes.get(field), there.attributes.get(field)) {
                        (Some(a), Some(b)) => self.equality(a, b, depth.checked_sub(1)?),
                        _ => None,
                    };
                    match equal {
                        Some(false) => return Some(false),
                        None => all = None,
                        Some(true) => {}
                    }
                }
                all
            }
            Object::Instance(there) if there.class == class => Some(false),
            Object::Instance(there) => {
                let other = self.find_in_class(there.class, "__eq__", None);
                let plain = self.outside_bases(there.class).iter().all(|base| is_plain_base(base));
                (plain && !matches!(other, Some((Ok(_), _)))).then_some(false)
            }
            _ => Some(false),
        }
    }
}

impl<H: Host> Interp<'_, H> {
    /// The same for a member of an enumeration: it equals itself, and with a base like `str` the
    /// value that it has.
    fn equal_members(&self, left: Ref, class: Ref, right: &Value, depth: usize) -> Option<bool> {
        let value = |object: Ref| match self.object(object) {
            Object::Instance(instance) => instance.attributes.get("_value_").cloned(),
            _ => None,
        };
        let mixed = self.outside_bases(class).iter().any(|base| {
            matches!(&**base, "builtins.str" | "builtins.int" | "enum.StrEnum" | "enum.IntEnum" | "enum.IntFlag")
        });
        let (Some(here), Some(less)) = (value(left), depth.checked_sub(1)) else { return None };
        let Value::Object(other) = right else {
            let known = !matches!(right, Value::Unknown(_) | Value::OneOf(_) | Value::Outside(_));
            return if mixed { self.equality(&here, right, less) } else { known.then_some(false) };
        };
        let same_class = matches!(self.object(*other), Object::Instance(instance) if instance.class == class);
        if let Some(there) = value(*other)
            && (same_class || mixed)
        {
            return self.equality(&here, &there, less);
        }
        let instance = matches!(self.object(*other), Object::Instance(_));
        (!instance).then_some(false)
    }
}

impl<H: Host> Interp<'_, H> {
    /// `Class.__subclasses__()`: what derives from it directly, in order of definition, of all
    /// that has been run so far.
    pub(super) fn subclasses(&mut self, class: Ref, at: At) -> Value {
        let derives = |run: &Self, object: Ref, from: Ref| match run.object(object) {
            Object::Class(of) if object != from => {
                of.order.iter().any(|entry| matches!(entry, Value::Object(entry) if *entry == from))
            }
            _ => false,
        };
        let all: Vec<Ref> = (0..self.heap.len()).map(Ref).filter(|object| derives(self, *object, class)).collect();
        // A class that only some condition defines may not be there.
        if let Some(why) = all.iter().find_map(|object| self.hazy(*object)) {
            return Unknown::clone(&why).value();
        }
        let direct = all.iter().filter(|object| !all.iter().any(|between| derives(self, **object, *between)));
        let direct: Vec<Value> = direct.map(|object| Value::Object(*object)).collect();
        if self.work(all.len(), at).is_err() {
            return self.unknown_from(&[Value::Object(class)], "subclasses", at);
        }
        self.new_list(direct)
    }
}

fn is_not_implemented(value: &Value) -> bool {
    matches!(value, Value::Outside(path) if &**path == "builtins.NotImplemented")
}

/// Outside bases whose instances are a container, or behave as one.
fn is_container(path: &str) -> bool {
    path.starts_with("collections.")
        || matches!(
            path,
            "builtins.dict"
                | "builtins.list"
                | "builtins.tuple"
                | "builtins.set"
                | "builtins.frozenset"
                | "builtins.str"
                | "builtins.int"
                | "builtins.float"
                | "builtins.bytes"
                | "?"
        )
}

/// Outside bases that leave equality what it is for every object.
fn is_plain_base(path: &str) -> bool {
    matches!(
        path,
        "builtins.object"
            | "abc.ABC"
            | "typing.Generic"
            | "typing.Protocol"
            | "typing_extensions.Protocol"
            | "enum.Enum"
    )
}
