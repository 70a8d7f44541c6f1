//! `itertools`, and what `operator`, `functools` and `collections` do with sequences.

use super::super::{BOUNDS, Host, Interp};
use crate::python::syntax::{BinaryOp, CompareOp, UnaryOp};
use crate::python::value::{Args, At, Dict, Lazy, Object, Sequence, Stop, Value};
use std::rc::Rc;

impl<H: Host> Interp<'_, H> {
    /// The items of every positional argument from `first` on.
    fn columns(&mut self, args: &Args, first: usize, at: At) -> Result<Option<Vec<Vec<Value>>>, Stop> {
        let mut columns = Vec::new();
        for arg in args.positional.iter().skip(first) {
            match self.iterate(&arg.value.clone(), at)? {
                Ok(items) => columns.push(items),
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(columns))
    }

    fn tuples(&mut self, rows: Vec<Vec<Value>>, at: At) -> Result<Value, Stop> {
        self.work(rows.len(), at)?;
        let mut tuples = Vec::new();
        for row in rows {
            tuples.push(self.new_tuple(row));
        }
        Ok(self.new_list(tuples))
    }

    pub(super) fn call_itertools(&mut self, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let number = |index: usize, name: &str| args.value(index, name).and_then(Value::as_int);
        let size = |index: usize, name: &str| number(index, name).and_then(|n| usize::try_from(n).ok());
        let first = args.positional.first().map(|arg| arg.value.clone());
        Ok(match (name, first) {
            ("count", None) if args.keywords.is_empty() => {
                Some(self.new_object(Object::Lazy(Lazy::Count { next: 0, stride: 1 })))
            }
            ("chain", _) => {
                let Some(columns) = self.columns(args, 0, at)? else { return Ok(None) };
                Some(self.new_list(columns.concat()))
            }
            ("chain.from_iterable", Some(value)) => {
                let Ok(lists) = self.iterate(&value, at)? else { return Ok(None) };
                let all = Args::positional(lists, at);
                let Some(columns) = self.columns(&all, 0, at)? else { return Ok(None) };
                Some(self.new_list(columns.concat()))
            }
            ("product", _) => {
                let Some(columns) = self.columns(args, 0, at)? else { return Ok(None) };
                let times = match args.keyword("repeat") {
                    None => 1,
                    Some(_) => match size(usize::MAX, "repeat") {
                        Some(times) if times <= 16 => times,
                        _ => return Ok(None),
                    },
                };
                let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
                for column in columns.iter().cycle().take(columns.len() * times) {
                    if rows.len().saturating_mul(column.len()) > BOUNDS.turns {
                        return Err(self.limit("a product too long to evaluate", at));
                    }
                    rows = rows
                        .iter()
                        .flat_map(|row| column.iter().map(|item| [&row[..], std::slice::from_ref(item)].concat()))
                        .collect();
                }
                Some(self.tuples(rows, at)?)
            }
            ("combinations" | "permutations" | "combinations_with_replacement", Some(value)) => {
                let Ok(items) = self.iterate(&value, at)? else { return Ok(None) };
                let length = match args.value(1, "r") {
                    None | Some(Value::None) if name == "permutations" => items.len(),
                    _ => match size(1, "r") {
                        Some(length) => length,
                        None => return Ok(None),
                    },
                };
                let mut rows = Vec::new();
                if !choose(&items, length, name, &mut Vec::new(), &mut rows) {
                    return Err(self.limit("combinations too many to evaluate", at));
                }
                Some(self.tuples(rows, at)?)
            }
            (_, Some(value)) => return self.itertools_of(name, &value, args, at),
            _ => None,
        })
    }

    /// The functions whose values are taken one by one.
    fn lazy_itertools(&mut self, name: &str, first: &Value, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let lazy = match first {
            Value::Object(object) => matches!(self.object(*object), Object::Lazy(_)),
            _ => false,
        };
        let lazy_second = match args.positional.get(1).map(|arg| &arg.value) {
            Some(Value::Object(object)) => matches!(self.object(*object), Object::Lazy(_)),
            _ => false,
        };
        Ok(match (name, first.clone()) {
            ("islice", source) if lazy => {
                let bound = |index: usize| match args.positional.get(index).map(|arg| &arg.value) {
                    None | Some(Value::None) => Some(None),
                    Some(value) => value.as_int().and_then(|n| usize::try_from(n).ok()).map(Some),
                };
                let (Some(a), Some(b), Some(c)) = (bound(1), bound(2), bound(3)) else { return Ok(None) };
                let (start, stop) = if args.positional.len() == 2 { (None, a) } else { (a, b) };
                let next = start.unwrap_or(0);
                let next = stop.map_or(next, |stop| next.min(stop));
                let stride = c.unwrap_or(1).max(1);
                Some(self.new_object(Object::Lazy(Lazy::Slice { source, taken: 0, next, stop, stride })))
            }
            ("takewhile", function) if lazy_second => {
                let source = args.positional[1].value.clone();
                Some(self.new_object(Object::Lazy(Lazy::TakeWhile { function, source })))
            }
            ("count", start) => match (start.as_int(), args.value(1, "step").map_or(Some(1), Value::as_int)) {
                (Some(next), Some(stride)) => Some(self.new_object(Object::Lazy(Lazy::Count { next, stride }))),
                _ => None,
            },
            ("cycle", value) => match self.iterate(&value, at)? {
                Ok(items) => Some(self.new_object(Object::Lazy(Lazy::Cycle { items: items.into(), next: 0 }))),
                Err(_) => None,
            },
            ("repeat", value) if args.value(1, "times").is_none() => {
                Some(self.new_object(Object::Lazy(Lazy::Cycle { items: Rc::new([value]), next: 0 })))
            }
            _ => None,
        })
    }

    /// The functions that go through one sequence.
    fn itertools_of(&mut self, name: &str, first: &Value, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let size = |index: usize, name: &str| {
            args.value(index, name).and_then(Value::as_int).and_then(|n| usize::try_from(n).ok())
        };
        if let Some(lazy) = self.lazy_itertools(name, first, args, at)? {
            return Ok(Some(lazy));
        }
        Ok(match (name, Some(first.clone())) {
            ("pairwise", Some(value)) => {
                let Ok(items) = self.iterate(&value, at)? else { return Ok(None) };
                Some(self.tuples(items.windows(2).map(<[Value]>::to_vec).collect(), at)?)
            }
            ("batched", Some(value)) if args.keyword("strict").is_none() => {
                let Ok(items) = self.iterate(&value, at)? else { return Ok(None) };
                let Some(length) = size(1, "n").filter(|length| *length > 0) else { return Ok(None) };
                Some(self.tuples(items.chunks(length).map(<[Value]>::to_vec).collect(), at)?)
            }
            ("islice", Some(value)) => {
                let Ok(items) = self.iterate(&value, at)? else { return Ok(None) };
                let bound = |index: usize| match args.positional.get(index).map(|arg| &arg.value) {
                    None | Some(Value::None) => Some(None),
                    Some(value) => value.as_int().filter(|n| *n >= 0).map(Some),
                };
                let (Some(a), Some(b), Some(c)) = (bound(1), bound(2), bound(3)) else { return Ok(None) };
                let bounds = if args.positional.len() == 2 { [None, a, None] } else { [a, b, c] };
                let list = self.new_list(items);
                Some(self.slice(&list, bounds, at))
            }
            ("repeat", Some(value)) => match size(1, "times") {
                Some(times) if times <= BOUNDS.turns => Some(self.new_list(vec![value; times])),
                _ => None,
            },
            ("zip_longest", Some(_)) => {
                let Some(columns) = self.columns(args, 0, at)? else { return Ok(None) };
                let fill = args.keyword("fillvalue").map_or(Value::None, |arg| arg.value.clone());
                let length = columns.iter().map(Vec::len).max().unwrap_or(0);
                let row = |index: usize| {
                    columns.iter().map(|column| column.get(index).unwrap_or(&fill).clone()).collect::<Vec<_>>()
                };
                Some(self.tuples((0..length).map(row).collect(), at)?)
            }
            ("starmap", Some(function)) => {
                let Some(columns) = self.columns(args, 1, at)? else { return Ok(None) };
                let mut results = Vec::new();
                for row in columns.first().into_iter().flatten() {
                    let Ok(values) = self.iterate(row, at)? else { return Ok(None) };
                    results.push(self.call_with(&function, values, at)?);
                }
                Some(self.new_list(results))
            }
            ("accumulate", Some(value)) => self.accumulate(&value, args, at)?,
            ("groupby", Some(value)) => self.group_by(&value, args, at)?,
            ("takewhile" | "dropwhile" | "filterfalse", Some(function)) => {
                let Some(columns) = self.columns(args, 1, at)? else { return Ok(None) };
                let mut kept = Vec::new();
                let mut open = true;
                for item in columns.into_iter().flatten() {
                    let tested = if matches!(function, Value::None) {
                        item.clone()
                    } else if open || name == "filterfalse" {
                        self.call_with(&function, vec![item.clone()], at)?
                    } else {
                        Value::Bool(false)
                    };
                    let Ok(truth) = self.truth(&tested, at) else { return Ok(None) };
                    open &= truth;
                    match name {
                        "takewhile" if !open => break,
                        "takewhile" => kept.push(item),
                        "dropwhile" if !open => kept.push(item),
                        "filterfalse" if !truth => kept.push(item),
                        _ => {}
                    }
                }
                Some(self.new_list(kept))
            }
            ("tee", Some(value)) => {
                let Ok(items) = self.iterate(&value, at)? else { return Ok(None) };
                let count = match args.value(1, "n") {
                    None => 2,
                    Some(_) => match size(1, "n").filter(|count| *count <= 64) {
                        Some(count) => count,
                        None => return Ok(None),
                    },
                };
                let lists = (0..count).map(|_| self.new_list(items.clone())).collect();
                Some(self.new_tuple(lists))
            }
            _ => None,
        })
    }

    fn accumulate(&mut self, value: &Value, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let Ok(items) = self.iterate(value, at)? else { return Ok(None) };
        let function = args.value(1, "func").filter(|function| !matches!(function, Value::None)).cloned();
        let initial = args.keyword("initial").map(|arg| arg.value.clone());
        let mut results: Vec<Value> = initial.filter(|value| !matches!(value, Value::None)).into_iter().collect();
        for item in items {
            let next = match (results.last().cloned(), &function) {
                (None, _) => item,
                (Some(total), Some(function)) => self.call_with(function, vec![total, item], at)?,
                (Some(total), None) => self.binary(BinaryOp::Add, &total, &item, at)?,
            };
            results.push(next);
        }
        Ok(Some(self.new_list(results)))
    }

    fn group_by(&mut self, value: &Value, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let Ok(items) = self.iterate(value, at)? else { return Ok(None) };
        let function = args.value(1, "key").filter(|function| !matches!(function, Value::None)).cloned();
        let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
        for item in items {
            let key = match &function {
                Some(function) => self.call_with(function, vec![item.clone()], at)?,
                None => item.clone(),
            };
            let same = match groups.last() {
                Some((last, _)) => match self.equal(&last.clone(), &key, at)? {
                    Some(same) => same,
                    None => return Ok(None),
                },
                None => false,
            };
            match groups.last_mut().filter(|_| same) {
                Some((_, group)) => group.push(item),
                None => groups.push((key, vec![item])),
            }
        }
        let mut rows = Vec::new();
        for (key, group) in groups {
            let group = self.new_list(group);
            rows.push(vec![key, group]);
        }
        self.tuples(rows, at).map(Some)
    }

    /// `operator.add` and its kin.
    pub(super) fn call_operator(&mut self, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let values: Vec<Value> = args.positional.iter().map(|arg| arg.value.clone()).collect();
        if !args.keywords.is_empty() {
            return Ok(None);
        }
        let (a, b) = match values.as_slice() {
            [a] => return self.call_unary_operator(name, a, at),
            [a, b] => (a, b),
            [object, key, value] if name == "setitem" => {
                self.set_item(object, key, value.clone(), at)?;
                return Ok(Some(Value::None));
            }
            _ => return Ok(None),
        };
        let compared = match name {
            "eq" => Some(CompareOp::Eq),
            "ne" => Some(CompareOp::NotEq),
            "lt" => Some(CompareOp::Less),
            "le" => Some(CompareOp::LessEq),
            "gt" => Some(CompareOp::Greater),
            "ge" => Some(CompareOp::GreaterEq),
            "is_" => Some(CompareOp::Is),
            "is_not" => Some(CompareOp::IsNot),
            _ => None,
        };
        if let Some(op) = compared {
            return self.compare(op, a, b, at).map(Some);
        }
        let op = match name {
            "add" | "concat" => BinaryOp::Add,
            "sub" => BinaryOp::Sub,
            "mul" => BinaryOp::Mul,
            "truediv" => BinaryOp::Div,
            "mod" => BinaryOp::Mod,
            "pow" => BinaryOp::Pow,
            "floordiv" => BinaryOp::FloorDiv,
            "or_" => BinaryOp::Or,
            "and_" => BinaryOp::And,
            "xor" => BinaryOp::Xor,
            "rshift" => BinaryOp::RightShift,
            "lshift" => BinaryOp::LeftShift,
            "contains" => return self.compare(CompareOp::In, b, a, at).map(Some),
            "getitem" => return self.subscript(a, b, at).map(Some),
            "delitem" => return self.delete_item(a, b, at).map(|()| Some(Value::None)),
            _ => return Ok(None),
        };
        self.binary(op, a, b, at).map(Some)
    }

    /// Operators of one value.
    fn call_unary_operator(&mut self, name: &str, value: &Value, at: At) -> Result<Option<Value>, Stop> {
        let op = match name {
            "not_" => UnaryOp::Not,
            "neg" => UnaryOp::Minus,
            "pos" => UnaryOp::Plus,
            "inv" | "invert" => UnaryOp::Invert,
            "truth" => return Ok(self.truth(value, at).ok().map(Value::Bool)),
            _ => return Ok(None),
        };
        self.unary(op, value, at).map(Some)
    }

    /// What `itemgetter(…)`, `attrgetter(…)` or `methodcaller(…)` gives when it is called.
    pub(in super::super) fn call_getter(
        &mut self,
        getter: &str,
        made: &Args,
        args: &Args,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        let Some(object) = args.positional.first().map(|arg| arg.value.clone()) else { return Ok(None) };
        if getter == "methodcaller" {
            let Some((name, rest)) = made.positional.split_first() else { return Ok(None) };
            let Some(name) = name.value.as_str().cloned() else { return Ok(None) };
            let method = self.attribute(&object, &name, at)?;
            let args = Args { positional: rest.to_vec(), keywords: made.keywords.clone(), ..Args::default() };
            return self.call(&method, args, at).map(Some);
        }
        let mut values = Vec::new();
        for wanted in &made.positional {
            let mut value = object.clone();
            if getter == "itemgetter" {
                value = self.subscript(&value, &wanted.value, at)?;
            } else {
                let Some(path) = wanted.value.as_str().cloned() else { return Ok(None) };
                for name in path.split('.') {
                    value = self.attribute(&value, &name.into(), at)?;
                }
            }
            values.push(value);
        }
        Ok(if values.len() == 1 { values.pop() } else { Some(self.new_tuple(values)) })
    }

    pub(super) fn call_collections(&mut self, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let first = args.positional.first().map(|arg| arg.value.clone());
        Ok(match (name, first) {
            ("Counter", _) => self.new_counter(args, at)?,
            ("OrderedDict", _) => self.dict(args, at)?,
            ("defaultdict", first) => {
                let rest = Args {
                    positional: args.positional.iter().skip(1).cloned().collect(),
                    keywords: args.keywords.clone(),
                    ..Args::default()
                };
                let default = first.filter(|first| !matches!(first, Value::None | Value::Ellipsis)).map(Box::new);
                let made = self.dict(&rest, at)?;
                if let Some(Value::Object(object)) = &made
                    && let Object::Dict(dict) = self.change(*object)
                {
                    dict.default = default;
                }
                made
            }
            ("deque", first) if args.value(1, "maxlen").is_none_or(|n| matches!(n, Value::None)) => {
                let items = match first {
                    None => Vec::new(),
                    Some(first) => match self.iterate(&first, at)? {
                        Ok(items) => items,
                        Err(_) => return Ok(None),
                    },
                };
                Some(self.new_object(Object::List(Sequence { items, at: Vec::new() })))
            }
            // Only what is found is told: what is missing counts nothing, and is no key.
            ("ChainMap", Some(_)) => {
                let mut dict = Dict::default();
                for arg in args.positional.iter().rev() {
                    // It asks each dict in turn, and these answer for keys that they do not have.
                    if let Value::Object(object) = &arg.value
                        && matches!(self.object(*object), Object::Dict(dict) if dict.default.is_some())
                    {
                        return Ok(None);
                    }
                    let Some(pairs) = self.dict_pairs(&arg.value) else { return Ok(None) };
                    for (written, value) in pairs {
                        let Some(key) = self.key(&written) else { return Ok(None) };
                        dict.insert(key, written, value);
                    }
                }
                Some(self.new_object(Object::Dict(dict)))
            }
            _ => None,
        })
    }
}

/// Rows of so many items; false if there are too many.
fn choose(items: &[Value], length: usize, how: &str, taken: &mut Vec<usize>, rows: &mut Vec<Vec<Value>>) -> bool {
    if rows.len() > BOUNDS.turns || taken.len() > 64 {
        return false;
    }
    if taken.len() == length {
        rows.push(taken.iter().map(|index| items[*index].clone()).collect());
        return true;
    }
    let start = match (how, taken.last()) {
        ("permutations", _) | (_, None) => 0,
        ("combinations", Some(last)) => last + 1,
        (_, Some(last)) => *last,
    };
    for index in start..items.len() {
        if how == "permutations" && taken.contains(&index) {
            continue;
        }
        taken.push(index);
        let done = choose(items, length, how, taken, rows);
        taken.pop();
        if !done {
            return false;
        }
    }
    true
}
