//! Special methods of classes of the tree: `__contains__`, `__len__`, `__bool__`, `__eq__`,
//! `__lt__` and their kin, and what instances are without them.

use super::{BOUNDS, Host, Interp};
use crate::python::syntax::{BinaryOp, CompareOp, Name};
use crate::python::value::{At, ClassObject, Compared, Object, Ref, Stop, Unknown, Value};

impl<H: Host> Interp<'_, H> {
    /// The class of an instance of the tree that is not the host's.
    pub(super) fn plain_class(&self, value: &Value) -> Option<Ref> {
        let Value::Object(object) = value else { return None };
        match self.object(*object) {
            Object::Instance(instance) if instance.host.is_none() => Some(instance.class),
            _ => None,
        }
    }

    /// Calls a special method, if the class of the instance defines it in the tree.
    pub(super) fn special(
        &mut self,
        value: &Value,
        name: &str,
        args: Vec<Value>,
        at: At,
    ) -> Result<Option<Value>, Stop> {
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
        self.total_order(op, left, right, at)
    }

    /// What `functools.total_ordering` makes of `__lt__` or `__gt__` and `__eq__`.
    fn total_order(&mut self, op: CompareOp, left: &Value, right: &Value, at: At) -> Result<Option<Value>, Stop> {
        if matches!(op, CompareOp::Eq | CompareOp::NotEq) || self.plain_class(left).is_none() {
            return Ok(None);
        }
        for (method, own) in [("__lt__", CompareOp::Less), ("__gt__", CompareOp::Greater)] {
            let Some(answer) = self.special(left, method, vec![right.clone()], at)? else { continue };
            let tested = self.condition(&answer, at)?;
            let Ok(own_way) = self.truth(&tested, at) else { return Ok(None) };
            let Some(equal) = self.equal(left, right, at)? else { return Ok(None) };
            let strict = matches!(op, CompareOp::Less | CompareOp::Greater);
            let same_way = (own == CompareOp::Less) == matches!(op, CompareOp::Less | CompareOp::LessEq);
            let truth = match (same_way, strict) {
                (true, _) => own_way || !strict && equal,
                (false, true) => !own_way && !equal,
                (false, false) => !own_way,
            };
            return Ok(Some(Value::Bool(truth)));
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
        if let Some(held) = self.held(&Value::Object(left)) {
            return self.equality(held, &self.plain(right), depth.checked_sub(1)?);
        }
        if self.is_enum(class) {
            return self.equal_members(left, class, right, depth);
        }
        let data = self.data_class(class).filter(|options| options.compared > Compared::Never);
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
            Object::Instance(there) if there.class == class && data.is_some() => {
                let Object::Instance(here) = self.object(left) else { return None };
                let mut all = Some(true);
                for field in self.fields_with(class, "compare", self.called_at())? {
                    let equal = match (here.attributes.get(&field), there.attributes.get(&field)) {
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
            // What `types.SimpleNamespace` makes compares its attributes, which is not followed.
            Object::Instance(_) if self.is_namespace(class) => None,
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

impl<H: Host> Interp<'_, H> {
    /// The special method of an operator, of either side.
    pub(super) fn operator_method(
        &mut self,
        op: BinaryOp,
        left: &Value,
        right: &Value,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        let name = operator_name(op);
        for (object, other, side) in [(left, right, ""), (right, left, "r")] {
            // Only an instance has such a method, and operators are mostly between other things.
            let Value::Object(_) = object else { continue };
            let Some(method) = self.find_method(object, &format!("__{side}{name}__")) else { continue };
            let answer = self.call_with(&method, vec![other.clone()], at)?;
            if !is_not_implemented(&answer) {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    /// The special method of `+=` and its kin.
    pub(super) fn operator_in_place(
        &mut self,
        op: BinaryOp,
        left: &Value,
        right: &Value,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        let answer = self.special(left, &format!("__i{}__", operator_name(op)), vec![right.clone()], at)?;
        Ok(answer.filter(|answer| !is_not_implemented(answer)))
    }

    /// What an instance is as an index or a whole number.
    pub(super) fn index_of(&mut self, value: &Value, at: At) -> Result<Value, Stop> {
        if self.plain_class(value).is_none() {
            return Ok(value.clone());
        }
        Ok(match self.special(value, "__index__", Vec::new(), at)? {
            Some(index) => index,
            None => match self.plain(value) {
                held @ (Value::Int(_) | Value::Str(_)) => held,
                _ => value.clone(),
            },
        })
    }

    fn is_namespace(&self, class: Ref) -> bool {
        matches!(self.object(class), Object::Class(class) if &*class.path == "types.SimpleNamespace")
    }

    /// Whether a class takes types in brackets and stays what it is.
    pub(super) fn is_generic(&self, class: Ref) -> bool {
        let bases = self.outside_bases(class);
        bases.iter().any(|base| matches!(&**base, "typing.Generic" | "typing.Protocol"))
            && self.find_in_class(class, "__class_getitem__", None).is_none_or(|(found, _)| found.is_err())
    }

    /// What an iterator of a class of the tree gives until it raises `StopIteration`.
    pub(super) fn items_of_iterator(&mut self, value: &Value, at: At) -> Result<Option<Vec<Value>>, Stop> {
        let Some(method) = self.plain_class(value).and_then(|_| self.find_method(value, "__next__")) else {
            return Ok(None);
        };
        self.items_until("StopIteration", at, |run, _| run.call_with(&method, Vec::new(), at)).map(Some)
    }

    /// What `instance[0]`, `instance[1]`, … give until that raises `IndexError`.
    pub(super) fn items_by_index(&mut self, value: &Value, at: At) -> Result<Option<Vec<Value>>, Stop> {
        let Some(class) = self.plain_class(value) else { return Ok(None) };
        if self.find_in_class(class, "__iter__", None).is_some() {
            return Ok(None);
        }
        let Some(method) = self.find_method(value, "__getitem__") else { return Ok(None) };
        self.items_until("IndexError", at, |run, index| run.call_with(&method, vec![Value::Int(index)], at)).map(Some)
    }

    fn items_until(
        &mut self,
        end: &str,
        at: At,
        mut next: impl FnMut(&mut Self, i64) -> Result<Value, Stop>,
    ) -> Result<Vec<Value>, Stop> {
        let mut items = Vec::new();
        loop {
            if items.len() >= BOUNDS.turns {
                return Err(self.limit("an iterator too long to evaluate", at));
            }
            match next(self, i64::try_from(items.len()).unwrap_or(i64::MAX)) {
                Ok(item) => items.push(item),
                Err(Stop::Raise(raised)) if &*raised.class == end && raised.certain => return Ok(items),
                Err(stop) => return Err(stop),
            }
        }
    }

    /// `Class.__mro__` and `Class.__bases__`, where every base is known.
    pub(super) fn class_lineage(&mut self, class: &ClassObject, name: &Name) -> Option<Value> {
        let mut order = class.order.clone();
        order.retain(|entry| !matches!(entry, Value::Outside(path) if &**path == "builtins.object"));
        if order.iter().any(|entry| matches!(entry, Value::Outside(path) if !path.starts_with("abc."))) {
            return None;
        }
        if &**name == "__mro__" {
            order.push(Value::outside("builtins.object"));
            return Some(self.new_tuple(order));
        }
        // A base of a base is none of the class's own.
        let further: Vec<Value> = order[1..]
            .iter()
            .filter_map(|base| match base {
                Value::Object(base) => match self.object(*base) {
                    Object::Class(base) => Some(base.order.get(1..).unwrap_or_default().to_vec()),
                    _ => None,
                },
                _ => None,
            })
            .flatten()
            .collect();
        let own = order[1..].iter().filter(|base| !further.iter().any(|other| self.same(base, other)));
        let mut own: Vec<Value> = own.cloned().collect();
        if own.is_empty() {
            own.push(Value::outside("builtins.object"));
        }
        Some(self.new_tuple(own))
    }

    /// Values in the order of their keys where a class of the tree says what is less.
    pub(super) fn sorted_by_methods(
        &mut self,
        keyed: Vec<(Value, Value)>,
        reverse: bool,
        at: At,
    ) -> Result<Option<Vec<Value>>, Stop> {
        let mut sorted: Vec<(Value, Value)> = Vec::new();
        for (key, item) in keyed {
            let mut place = sorted.len();
            // Equal ones keep their order; reversed, the greater goes before.
            while place > 0 {
                let before = sorted[place - 1].0.clone();
                let (less, more) = if reverse { (&before, &key) } else { (&key, &before) };
                let answer = self.compare(CompareOp::Less, less, more, at)?;
                match self.truth(&answer, at) {
                    Ok(true) => place -= 1,
                    Ok(false) => break,
                    Err(_) => return Ok(None),
                }
            }
            sorted.insert(place, (key, item));
        }
        Ok(Some(sorted.into_iter().map(|(_, item)| item).collect()))
    }
}

/// What the special methods of an operator are called, between the underscores.
fn operator_name(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "add",
        BinaryOp::Sub => "sub",
        BinaryOp::Mul => "mul",
        BinaryOp::Div => "truediv",
        BinaryOp::FloorDiv => "floordiv",
        BinaryOp::Mod => "mod",
        BinaryOp::Pow => "pow",
        BinaryOp::MatMul => "matmul",
        BinaryOp::LeftShift => "lshift",
        BinaryOp::RightShift => "rshift",
        BinaryOp::And => "and",
        BinaryOp::Or => "or",
        BinaryOp::Xor => "xor",
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
