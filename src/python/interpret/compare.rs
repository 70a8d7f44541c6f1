//! Comparison, membership and order.

use super::{Host, Interp};
use crate::python::syntax::CompareOp;
use crate::python::value::{At, Compared, Key, Object, Ref, Stop, Value};
use std::cmp::Ordering;
use std::collections::BTreeSet;

impl<H: Host> Interp<'_, H> {
    pub(crate) fn compare(&mut self, op: CompareOp, left: &Value, right: &Value, at: At) -> Result<Value, Stop> {
        if let Some(value) = self.of_each(left, right, at, |run, left, right| run.compare(op, left, right, at))? {
            return Ok(value);
        }
        if let Some(known) = self.compare_python(op, left, right) {
            return Ok(Value::Bool(known));
        }
        if let Some(known) = self.subset(op, left, right) {
            return Ok(Value::Bool(known));
        }
        if let Some(value) = self.own_comparison(op, left, right, at)? {
            return Ok(value);
        }
        let itself = matches!(op, CompareOp::Is | CompareOp::IsNot);
        let (left, right) = if itself { (left.clone(), right.clone()) } else { (self.plain(left), self.plain(right)) };
        let (left, right) = (&left, &right);
        let known = match op {
            CompareOp::Eq => self.equality(left, right, 16),
            CompareOp::NotEq => self.equality(left, right, 16).map(|equal| !equal),
            CompareOp::Is => self.identity(left, right),
            CompareOp::IsNot => self.identity(left, right).map(|same| !same),
            CompareOp::In => self.contains(right, left),
            CompareOp::NotIn => self.contains(right, left).map(|inside| !inside),
            CompareOp::Less => self.order(left, right).map(|order| order == Ordering::Less),
            CompareOp::LessEq => self.order(left, right).map(|order| order != Ordering::Greater),
            CompareOp::Greater => self.order(left, right).map(|order| order == Ordering::Greater),
            CompareOp::GreaterEq => self.order(left, right).map(|order| order != Ordering::Less),
        };
        if let Some(known) = known {
            return Ok(Value::Bool(known));
        }
        self.refuse_comparison(op, left, right, at)?;
        Ok(self.unknown_from(&[left.clone(), right.clone()], &format!("{op:?}"), at))
    }

    /// `<`, `<=` and their kin of two sets.
    fn subset(&self, op: CompareOp, left: &Value, right: &Value) -> Option<bool> {
        if !matches!(op, CompareOp::Less | CompareOp::LessEq | CompareOp::Greater | CompareOp::GreaterEq) {
            return None;
        }
        let keys = |value: &Value| -> Option<BTreeSet<Key>> {
            let Value::Object(object) = value else { return None };
            matches!(self.object(*object), Object::Set(_)).then_some(())?;
            self.items(value)?.iter().map(|item| self.key(item)).collect()
        };
        let (a, b) = (keys(left)?, keys(right)?);
        Some(match op {
            CompareOp::Less => a.is_subset(&b) && a != b,
            CompareOp::LessEq => a.is_subset(&b),
            CompareOp::Greater => b.is_subset(&a) && a != b,
            _ => b.is_subset(&a),
        })
    }

    fn identity(&self, left: &Value, right: &Value) -> Option<bool> {
        match (left, right) {
            (Value::None, Value::None) => Some(true),
            (Value::Unknown(unknown), Value::None) | (Value::None, Value::Unknown(unknown)) => {
                unknown.affix.is_some().then_some(false)
            }
            (Value::None, Value::Outside(path)) | (Value::Outside(path), Value::None) => {
                Self::names_class(path).then_some(false)
            }
            (Value::None, _)
            | (_, Value::None)
            | (Value::Object(_), Value::Str(_) | Value::Bool(_) | Value::Int(_) | Value::Float(_))
            | (Value::Str(_) | Value::Bool(_) | Value::Int(_) | Value::Float(_), Value::Object(_)) => Some(false),
            (Value::Object(a), Value::Object(b)) => Some(a == b),
            (Value::Host(a), Value::Host(b)) => Some(a == b),
            (Value::Outside(a), Value::Outside(b)) if a == b => Some(true),
            _ => self.equality(left, right, 4),
        }
    }

    pub(super) fn equality(&self, left: &Value, right: &Value, depth: usize) -> Option<bool> {
        match (left, right) {
            (Value::Unknown(a), Value::Unknown(b)) if a.below_home().is_some() && b.below_home().is_some() => {
                Some(a.below_home() == b.below_home())
            }
            // Two ends of which neither is the end of the other.
            (Value::Unknown(a), Value::Unknown(b))
                if a.affix
                    .as_ref()
                    .zip(b.affix.as_ref())
                    .is_some_and(|((_, a), (_, b))| !a.ends_with(&**b) && !b.ends_with(&**a)) =>
            {
                Some(false)
            }
            (Value::Unknown(unknown), other) | (other, Value::Unknown(unknown)) => {
                // A text that begins or ends otherwise is another text.
                let (prefix, suffix) = unknown.affix.as_ref()?;
                match other {
                    Value::Str(text) if !text.text.starts_with(&**prefix) || !text.text.ends_with(&**suffix) => {
                        Some(false)
                    }
                    Value::None => Some(false),
                    _ => None,
                }
            }
            (Value::Outside(a), Value::Outside(b)) if a == b => Some(true),
            (Value::Outside(a), Value::Outside(b)) => self.host.differ(a, b).then_some(false),
            (Value::OneOf(_) | Value::Outside(_), _) | (_, Value::OneOf(_) | Value::Outside(_)) => None,
            (Value::Int(_) | Value::Float(_) | Value::Bool(_), Value::Int(_) | Value::Float(_) | Value::Bool(_)) => {
                match number_order(left, right) {
                    Some(order) => Some(order.is_eq()),
                    // Nothing equals what is no number.
                    None => Some(false),
                }
            }
            (Value::Host(a), Value::Host(b)) => (a == b).then_some(true),
            (Value::Object(a), Value::Object(b)) if a == b => Some(true),
            (Value::Object(a), Value::Object(b)) => {
                if depth == 0 {
                    return None;
                }
                self.equal_objects(*a, *b, left, right, depth)
            }
            (Value::Object(object), other) | (other, Value::Object(object)) => match self.object(*object) {
                Object::Instance(_) => self.equal_instances(*object, other, depth),
                _ => Some(false),
            },
            _ => Some(self.text(left) == self.text(right)),
        }
    }

    fn equal_objects(&self, a: Ref, b: Ref, left: &Value, right: &Value, depth: usize) -> Option<bool> {
        match (self.object(a), self.object(b)) {
            (Object::List(_), Object::List(_)) | (Object::Tuple(_), Object::Tuple(_)) => {
                let (x, y) = (self.items(left)?, self.items(right)?);
                if x.len() != y.len() {
                    return Some(false);
                }
                let mut all = Some(true);
                for (x, y) in x.iter().zip(y) {
                    match self.equality(x, y, depth - 1) {
                        Some(false) => return Some(false),
                        None => all = None,
                        Some(true) => {}
                    }
                }
                all
            }
            // To a counter, what is missing is counted as nothing.
            (Object::Dict(a), Object::Dict(b)) if a.counts() || b.counts() => None,
            (Object::Dict(_), Object::Dict(_)) => {
                let (x, y) = (self.dict_pairs(left)?, self.dict_pairs(right)?);
                if x.len() != y.len() {
                    return Some(false);
                }
                let mut all = Some(true);
                for (key, value) in x {
                    let key = self.key(&key)?;
                    let other = y.iter().find(|(other, _)| self.key(other).as_ref() == Some(&key));
                    match other {
                        None => return Some(false),
                        Some((_, other)) => match self.equality(&value, other, depth - 1) {
                            Some(false) => return Some(false),
                            None => all = None,
                            Some(true) => {}
                        },
                    }
                }
                all
            }
            (Object::Standard(a), Object::Standard(b)) => a.equal(b),
            (Object::Set(_), Object::Set(_)) => {
                let keys = |value: &Value| -> Option<BTreeSet<Key>> {
                    self.items(value)?.iter().map(|item| self.key(item)).collect()
                };
                Some(keys(left)? == keys(right)?)
            }
            (Object::Instance(_), _) => self.equal_instances(a, right, depth),
            (_, Object::Instance(_)) => self.equal_instances(b, left, depth),
            _ => Some(false),
        }
    }

    fn contains(&self, container: &Value, value: &Value) -> Option<bool> {
        if let Some(known) = self.open_dict_has(container, value) {
            return Some(known);
        }
        if let (Value::Str(text), Value::Str(part)) = (container, value) {
            return Some(text.text.contains(&*part.text));
        }
        if let Value::Object(object) = container {
            match self.object(*object) {
                Object::Globals(scope) => {
                    let name = value.as_str()?;
                    return Some(self.names(*scope).contains_key(name));
                }
                Object::Class(class) if class.members.is_some() => {
                    let member = self.plain_class(value) == Some(*object);
                    return member.then_some(true);
                }
                Object::Dict(dict) if self.hazy(*object).is_none() => {
                    return Some(dict.get(&self.key(value)?).is_some());
                }
                _ => {}
            }
        }
        let mut all = Some(false);
        for item in self.items(container)? {
            match self.equality(item, value, 8) {
                Some(true) => return Some(true),
                None => all = None,
                Some(false) => {}
            }
        }
        all
    }

    pub(crate) fn order(&self, left: &Value, right: &Value) -> Option<Ordering> {
        if let (Value::Object(a), Value::Object(b)) = (left, right)
            && let (Object::Instance(a), Object::Instance(b)) = (self.object(*a), self.object(*b))
            && a.class == b.class
            && self.data_class(a.class).is_some_and(|options| options.compared == Compared::Order)
        {
            for name in self.fields_with(a.class, "compare", self.called_at())? {
                match self.order(a.attributes.get(&name)?, b.attributes.get(&name)?)? {
                    Ordering::Equal => {}
                    order => return Some(order),
                }
            }
            return Some(Ordering::Equal);
        }
        let (left, right) = (&self.plain(left), &self.plain(right));
        match (left, right) {
            (Value::Str(a), Value::Str(b)) => Some(a.text.cmp(&b.text)),
            (Value::Unknown(a), Value::Unknown(b)) => Some(a.below_home()?.cmp(b.below_home()?)),
            (Value::Object(_), Value::Object(_)) if self.standard(left).is_some() => {
                self.standard(left)?.order(self.standard(right)?)
            }
            (Value::Object(_), Value::Object(_)) => {
                if let (Value::Object(a), Value::Object(b)) = (left, right)
                    && matches!((self.object(*a), self.object(*b)), (Object::Set(_), _) | (_, Object::Set(_)))
                {
                    // Sets compare by what they hold, which is no order.
                    return None;
                }
                let (a, b) = (self.items(left)?, self.items(right)?);
                for (a, b) in a.iter().zip(b) {
                    match self.order(a, b)? {
                        Ordering::Equal => {}
                        order => return Some(order),
                    }
                }
                Some(a.len().cmp(&b.len()))
            }
            _ => number_order(left, right),
        }
    }
}

/// Order of two numbers, exact also where an integer has more digits than a float.
fn number_order(left: &Value, right: &Value) -> Option<Ordering> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let (Some(a), Some(b)) = (left.as_int(), right.as_int()) {
        return Some(a.cmp(&b));
    }
    let (a, b) = (float(left)?, float(right)?);
    let order = a.partial_cmp(&b)?;
    if a.abs() < EXACT && b.abs() < EXACT || order.is_ne() && (a - b).abs() > EXACT {
        return Some(order);
    }
    #[expect(clippy::cast_possible_truncation, reason = "a float beyond that range is cut to one beyond every integer")]
    let whole = |value: &Value, float: f64| value.as_int().map_or(float as i128, i128::from);
    Some(whole(left, a).cmp(&whole(right, b)))
}

/// A number as a float, for comparison.
pub(super) fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(value) => Some(*value),
        #[expect(clippy::cast_precision_loss, reason = "as Python compares, up to 2^53")]
        other => other.as_int().map(|value| value as f64),
    }
}
