//! Operators between values that make a new value.

use super::compare::float;
use super::{BOUNDS, Host, Interp};
use crate::python::syntax::BinaryOp;
use crate::python::value::{At, Dict, Object, Ref, Sequence, Stop, Unknown, Value};
use std::cmp::Ordering;

impl<H: Host> Interp<'_, H> {
    pub(crate) fn binary(&mut self, op: BinaryOp, left: &Value, right: &Value, at: At) -> Result<Value, Stop> {
        if matches!(op, BinaryOp::LeftShift | BinaryOp::RightShift)
            && let Some(value) = self.operator_method(op, left, right, at)?
        {
            return Ok(value);
        }
        let of_host = matches!(left, Value::Host(_)) || matches!(right, Value::Host(_));
        if (of_host || matches!(op, BinaryOp::LeftShift | BinaryOp::RightShift | BinaryOp::Or | BinaryOp::And))
            && !(matches!(left, Value::Int(_)) && matches!(right, Value::Int(_)))
            && let Some(value) = H::binary(self, op, left, right, at)?
        {
            return Ok(value);
        }
        if let Some(value) = self.of_each(left, right, at, |run, left, right| run.binary(op, left, right, at))? {
            return Ok(value);
        }
        if (self.plain_class(left).is_some() || self.plain_class(right).is_some())
            && let Some(value) = self.operator_method(op, left, right, at)?
        {
            return Ok(value);
        }
        let format = matches!((op, left), (BinaryOp::Mod, Value::Str(_)));
        let (left, right) = (&self.plain(left), &if format { right.clone() } else { self.plain(right) });
        if let Some(value) = numbers(op, left, right) {
            return Ok(value);
        }
        if self.is_counter(left) || self.is_counter(right) {
            return Ok(match self.add_counters(op, left, right) {
                Some(value) => value,
                None => self.unknown_from(&[left.clone(), right.clone()], "operator", at),
            });
        }
        if let Some(value) = self.texts_and_lists(op, left, right, at)? {
            return Ok(value);
        }
        if let Some(value) = self.standard_binary(op, left, right) {
            return Ok(value);
        }
        if let Some(value) = self.operator_method(op, left, right, at)? {
            return Ok(value);
        }
        self.refuse_binary(op, left, right, at)?;
        Ok(self.unknown_from(&[left.clone(), right.clone()], &format!("{op:?}"), at))
    }

    fn texts_and_lists(&mut self, op: BinaryOp, left: &Value, right: &Value, at: At) -> Result<Option<Value>, Stop> {
        Ok(match (op, left, right) {
            (BinaryOp::Add, a, b)
                if super::format::affix(a).is_some()
                    && super::format::affix(b).is_some()
                    && (a.as_str().is_some() || b.as_str().is_some() || is_pattern(a)) =>
            {
                Some(self.concat(&[a.clone(), b.clone()], at))
            }
            (BinaryOp::Mod, Value::Str(text), value) => Some(self.percent(&text.text.clone(), value, at)?),
            (BinaryOp::Mul, Value::Str(text), Value::Int(times))
            | (BinaryOp::Mul, Value::Int(times), Value::Str(text)) => {
                let times = usize::try_from(*times).unwrap_or(0);
                if text.text.len().saturating_mul(times) > BOUNDS.size {
                    return Err(self.limit("a text too long to evaluate", at));
                }
                Some(Self::text_value(text.text.repeat(times), at))
            }
            (BinaryOp::Add | BinaryOp::Mul, Value::Object(a), _) => self.join_lists(op, *a, right, at)?,
            (BinaryOp::Or, Value::Object(_), Value::Object(_)) => match (self.dict_pairs(left), self.dict_pairs(right))
            {
                (Some(a), Some(b)) => {
                    let mut dict = Dict::default();
                    for (written, value) in a.into_iter().chain(b) {
                        if let Some(key) = self.key(&written) {
                            dict.insert(key, written, value);
                        }
                    }
                    Some(self.new_object(Object::Dict(dict)))
                }
                _ => self.sets(op, left, right),
            },
            (BinaryOp::And | BinaryOp::Sub | BinaryOp::Xor, Value::Object(_), Value::Object(_)) => {
                self.sets(op, left, right)
            }
            _ => None,
        })
    }

    fn sets(&mut self, op: BinaryOp, left: &Value, right: &Value) -> Option<Value> {
        let (Value::Object(a), Value::Object(b)) = (left, right) else { return None };
        if !matches!((self.object(*a), self.object(*b)), (Object::Set(_), Object::Set(_))) {
            return None;
        }
        let (a, b) = (self.items(left)?.to_vec(), self.items(right)?.to_vec());
        let has = |interp: &Self, all: &[Value], one: &Value| {
            let key = interp.key(one);
            all.iter().any(|other| interp.key(other) == key)
        };
        let items = match op {
            BinaryOp::Or => a.into_iter().chain(b).collect(),
            BinaryOp::And => a.into_iter().filter(|one| has(self, &b, one)).collect(),
            BinaryOp::Sub => a.into_iter().filter(|one| !has(self, &b, one)).collect(),
            BinaryOp::Xor => {
                let more: Vec<Value> = b.iter().filter(|one| !has(self, &a, one)).cloned().collect();
                a.iter().filter(|one| !has(self, &b, one)).cloned().chain(more).collect()
            }
            _ => return None,
        };
        Some(self.new_set(items))
    }

    fn join_lists(&mut self, op: BinaryOp, left: Ref, right: &Value, at: At) -> Result<Option<Value>, Stop> {
        let (Object::List(a) | Object::Tuple(a)) = self.object(left).clone() else { return Ok(None) };
        let tuple = matches!(self.object(left), Object::Tuple(_));
        if let Some(why) = self.hazy(left) {
            return Ok(Some(Unknown { affix: None, ..Unknown::clone(&why) }.value()));
        }
        let joined = match (op, right) {
            (BinaryOp::Add, Value::Object(b)) => {
                let (Object::List(b_items) | Object::Tuple(b_items)) = self.object(*b).clone() else { return Ok(None) };
                if let Some(why) = self.hazy(*b) {
                    return Ok(Some(Unknown { affix: None, ..Unknown::clone(&why) }.value()));
                }
                Sequence { items: [a.items, b_items.items].concat(), at: [a.at, b_items.at].concat() }
            }
            (BinaryOp::Mul, Value::Int(times)) => {
                let times = usize::try_from(*times).unwrap_or(0);
                if a.items.len().saturating_mul(times) > BOUNDS.size {
                    return Err(self.limit("a list too long to evaluate", at));
                }
                let items = (0..times).flat_map(|_| a.items.iter().cloned()).collect();
                Sequence { items, at: a.at.repeat(times) }
            }
            _ => return Ok(None),
        };
        Ok(Some(self.new_object(if tuple { Object::Tuple(joined) } else { Object::List(joined) })))
    }

    /// Where one side may be one of several values: what comes of each, as one value.
    pub(super) fn of_each(
        &mut self,
        left: &Value,
        right: &Value,
        at: At,
        mut operate: impl FnMut(&mut Self, &Value, &Value) -> Result<Value, Stop>,
    ) -> Result<Option<Value>, Stop> {
        for (one, other, first) in [(left, right, true), (right, left, false)] {
            let Value::OneOf(values) = one else { continue };
            let mut results = Vec::new();
            for value in values.clone().iter() {
                let result = if first { operate(self, value, other)? } else { operate(self, other, value)? };
                results.push(Some(result));
            }
            let why = self.why(one, at);
            return Ok(Some(self.merge(&results, &why)));
        }
        Ok(None)
    }

    pub(crate) fn new_set(&mut self, items: Vec<Value>) -> Value {
        let mut seen = std::collections::BTreeSet::new();
        let mut distinct = Vec::new();
        let mut hazy = None;
        for item in items {
            match self.key(&item) {
                Some(key) => {
                    if seen.insert(key) {
                        distinct.push(item);
                    }
                }
                None => hazy = Some(item.unknown().unwrap_or_else(|| self.why(&item, self.called_at()))),
            }
        }
        // The order of a set is not Python's to promise; sorted, it is at least ours.
        distinct.sort_by(|a, b| self.order(a, b).unwrap_or(Ordering::Equal));
        let value = self.new_object(Object::Set(distinct));
        if let (Some(why), Value::Object(object)) = (hazy, &value) {
            self.heap[object.0].make_hazy(why);
        }
        value
    }
}

fn is_pattern(value: &Value) -> bool {
    matches!(value, Value::Unknown(unknown) if unknown.affix.is_some())
}

fn numbers(op: BinaryOp, left: &Value, right: &Value) -> Option<Value> {
    if let (Some(a), Some(b)) = (left.as_int(), right.as_int()) {
        return Some(Value::Int(match op {
            BinaryOp::Add => a.checked_add(b)?,
            BinaryOp::Sub => a.checked_sub(b)?,
            BinaryOp::Mul => a.checked_mul(b)?,
            BinaryOp::FloorDiv => {
                let quotient = a.checked_div(b)?;
                if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient }
            }
            BinaryOp::Mod => {
                let remainder = a.checked_rem(b)?;
                if remainder != 0 && (remainder < 0) != (b < 0) { remainder + b } else { remainder }
            }
            BinaryOp::Pow if b < 0 && a != 0 => return Some(Value::Float(float(left)?.powf(float(right)?))),
            BinaryOp::Pow => a.checked_pow(u32::try_from(b).ok()?)?,
            BinaryOp::LeftShift if (0..63).contains(&b) => a.checked_mul(1_i64.checked_shl(u32::try_from(b).ok()?)?)?,
            BinaryOp::RightShift if (0..64).contains(&b) => a >> b,
            BinaryOp::And => a & b,
            BinaryOp::Or => a | b,
            BinaryOp::Xor => a ^ b,
            BinaryOp::Div if b != 0 => return Some(Value::Float(float(left)? / float(right)?)),
            _ => return None,
        }));
    }
    let (a, b) = (float(left)?, float(right)?);
    Some(Value::Float(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div if b != 0.0 => a / b,
        BinaryOp::Mod if b != 0.0 => float_rest(a, b),
        BinaryOp::FloorDiv if b != 0.0 => {
            let quotient = (a - float_rest(a, b)) / b;
            if quotient == 0.0 {
                return Some(Value::Float(0.0_f64.copysign(a / b)));
            }
            let whole = quotient.floor();
            if quotient - whole > 0.5 { whole + 1.0 } else { whole }
        }
        // A negative base with a fraction above it is no float.
        BinaryOp::Pow if a >= 0.0 || b.fract() == 0.0 => a.powf(b),
        _ => return None,
    }))
}

/// `a % b` of floats: of the sign of `b`.
fn float_rest(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest == 0.0 {
        0.0_f64.copysign(b)
    } else if (rest < 0.0) == (b < 0.0) {
        rest
    } else {
        rest + b
    }
}
