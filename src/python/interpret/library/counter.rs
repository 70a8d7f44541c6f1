//! `collections.Counter`: a dict that counts. It is held as a dict whose `default` says so.

use super::super::{BOUNDS, Host, Interp};
use crate::python::syntax::BinaryOp;
use crate::python::value::{Args, At, Dict, Key, Object, Ref, Stop, Value};

/// What was counted, with how it is written, in the order in which it was met.
type Counts = Vec<(Key, Value, i64)>;

impl<H: Host> Interp<'_, H> {
    /// Whether a value is a `Counter`.
    pub(in super::super) fn is_counter(&self, value: &Value) -> bool {
        let Value::Object(object) = value else { return false };
        matches!(self.object(*object), Object::Dict(dict) if dict.counts())
    }

    /// `Counter(…)`; none if it is not known what is counted.
    pub(super) fn new_counter(&mut self, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let counts = self.counted(Counts::new(), args, 1, at)?;
        Ok(counts.map(|counts| self.new_object(Object::Dict(dict_of(counts)))))
    }

    /// What a counter has that other dicts have not; none for the rest.
    pub(in super::super) fn counter_method(
        &mut self,
        object: Ref,
        name: &str,
        args: &Args,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        if args.unknown.is_some() {
            return Ok(None);
        }
        let Some(mut counts) = self.counts(&Value::Object(object)) else { return Ok(None) };
        match name {
            "update" | "subtract" => {
                let sign = if name == "update" { 1 } else { -1 };
                let Some(counts) = self.counted(counts, args, sign, at)? else { return Ok(None) };
                if let Object::Dict(dict) = self.change(object) {
                    *dict = dict_of(counts);
                }
                Ok(Some(Value::None))
            }
            "most_common" => {
                let wanted = match args.value(0, "n") {
                    None | Some(Value::None) => usize::MAX,
                    Some(Value::Int(wanted)) => usize::try_from(*wanted).unwrap_or(0),
                    Some(_) => return Ok(None),
                };
                counts.sort_by_key(|(.., count)| std::cmp::Reverse(*count));
                self.work(counts.len(), at)?;
                let mut pairs = Vec::new();
                for (_, written, count) in counts.into_iter().take(wanted) {
                    pairs.push(self.new_tuple(vec![written, Value::Int(count)]));
                }
                Ok(Some(self.new_list(pairs)))
            }
            "elements" => {
                let mut items = Vec::new();
                for (_, written, count) in counts {
                    let count = usize::try_from(count).unwrap_or(0);
                    if items.len().saturating_add(count) > BOUNDS.size {
                        return Err(self.limit("a list too long to evaluate", at));
                    }
                    items.extend(std::iter::repeat_n(written, count));
                }
                self.work(items.len(), at)?;
                Ok(Some(self.iterator(items)))
            }
            _ => Ok(None),
        }
    }

    /// `+`, `-`, `&` and `|` of two counters.
    pub(in super::super) fn add_counters(&mut self, op: BinaryOp, left: &Value, right: &Value) -> Option<Value> {
        let (a, b) = (self.counts(left)?, self.counts(right)?);
        let combine: fn(i64, i64) -> Option<i64> = match op {
            BinaryOp::Add => i64::checked_add,
            BinaryOp::Sub => i64::checked_sub,
            BinaryOp::And => |a, b| Some(a.min(b)),
            BinaryOp::Or => |a, b| Some(a.max(b)),
            _ => return None,
        };
        let (left, right) = (dict_of(a.clone()), dict_of(b.clone()));
        let of = |dict: &Dict, key: &Key| dict.get(key).and_then(Value::as_int).unwrap_or(0);
        let mut counts = Counts::new();
        let others = b.into_iter().filter(|(key, ..)| left.get(key).is_none());
        for (key, written, _) in a.into_iter().chain(others) {
            let count = combine(of(&left, &key), of(&right, &key))?;
            if count > 0 {
                counts.push((key, written, count));
            }
        }
        Some(self.new_object(Object::Dict(dict_of(counts))))
    }

    /// `+=` and the like: the counter itself is changed.
    pub(in super::super) fn count_in_place(&mut self, op: BinaryOp, counter: &Value, other: &Value, at: At) {
        let Value::Object(object) = counter else { return };
        let sum = self.add_counters(op, counter, other).and_then(|sum| self.counts(&sum));
        if let Some(sum) = sum {
            if let Object::Dict(dict) = self.change(*object) {
                *dict = dict_of(sum);
            }
        } else {
            self.may_raise(at);
            let why = self.unknown_from(&[counter.clone(), other.clone()], "operator", at);
            let why = self.why(&why, at);
            self.set_hazy(*object, why);
        }
    }

    /// What a counter has counted; none for anything else, and where a count is no whole number.
    fn counts(&self, value: &Value) -> Option<Counts> {
        if !self.is_counter(value) {
            return None;
        }
        let count = |(written, value)| match value {
            Value::Int(count) => Some((self.key(&written)?, written, count)),
            _ => None,
        };
        self.dict_pairs(value)?.into_iter().map(count).collect()
    }

    /// The counts with what is given counted besides.
    fn counted(&mut self, counts: Counts, args: &Args, sign: i64, at: At) -> Result<Option<Counts>, Stop> {
        let mut more = Vec::new();
        match args.positional.as_slice() {
            [] => {}
            [given] => match (&given.value, self.dict_pairs(&given.value)) {
                (Value::None, _) => {}
                (_, Some(pairs)) => more = pairs,
                (value, None) => match self.iterate(value, at)? {
                    Ok(items) => more.extend(items.into_iter().map(|item| (item, Value::Int(1)))),
                    Err(_) => return Ok(None),
                },
            },
            _ => return Ok(None),
        }
        more.extend(args.keywords.iter().map(|(name, arg)| (Value::str(name.clone()), arg.value.clone())));
        self.work(counts.len().saturating_add(more.len()), at)?;
        let mut dict = dict_of(counts);
        for (written, count) in more {
            let (Some(key), Value::Int(count)) = (self.key(&written), count) else { return Ok(None) };
            let before = dict.get(&key).and_then(Value::as_int).unwrap_or(0);
            let Some(count) = count.checked_mul(sign).and_then(|count| before.checked_add(count)) else {
                return Ok(None);
            };
            dict.insert(key, written, Value::Int(count));
        }
        let pairs = dict.pairs().into_iter();
        Ok(pairs.map(|(written, count)| Some((self.key(&written)?, written, count.as_int()?))).collect())
    }
}

fn dict_of(counts: Counts) -> Dict {
    let mut dict = Dict::counter();
    for (key, written, count) in counts {
        dict.insert(key, written, Value::Int(count));
    }
    dict
}
