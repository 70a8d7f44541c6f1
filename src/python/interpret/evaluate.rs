//! Expressions.

use super::{BOUNDS, Flow, Host, Interp};
use crate::content::Span;
use crate::python::syntax::{Arg, BinaryOp, Clause, CompareOp, ComprehensionKind, Expr, ExprKind, UnaryOp};
use crate::python::value::{Args, Argument, At, Dict, Object, Sequence, Stop, Unknown, Value, short};
use std::rc::Rc;

impl<H: Host> Interp<'_, H> {
    pub(crate) fn eval(&mut self, expr: &Expr) -> Result<Value, Stop> {
        let at = self.at(expr.span);
        self.step(at)?;
        self.deeper(
            at,
            |interp| if interp.record().is_some() { interp.recorded(expr, at) } else { interp.eval_kind(expr, at) },
        )
    }

    pub(super) fn eval_kind(&mut self, expr: &Expr, at: At) -> Result<Value, Stop> {
        Ok(match &expr.kind {
            ExprKind::None => Value::None,
            ExprKind::True => Value::Bool(true),
            ExprKind::False => Value::Bool(false),
            ExprKind::Ellipsis => Value::Ellipsis,
            ExprKind::Int(value) => Value::Int(*value),
            ExprKind::Float(value) => Value::Float(*value),
            ExprKind::Number(text) => Unknown::new("a number that is not evaluated", at, text.clone()).value(),
            ExprKind::Str(text) => Self::text_value(text.clone(), at),
            ExprKind::Bytes(bytes) => Value::Bytes(bytes.clone()),
            ExprKind::Format(parts) => self.format_string(parts, at)?,
            ExprKind::Name(name) => self.eval_name(name, at),
            ExprKind::Attribute(object, name) => {
                let object = self.eval(object)?;
                self.attribute(&object, name, at)?
            }
            ExprKind::Subscript(object, index) => {
                let object = self.eval(object)?;
                self.eval_subscript(&object, index, at)?
            }
            ExprKind::Call(function, args) => self.eval_call(function, args, at)?,
            ExprKind::List(items) => {
                let items = self.sequence(items)?;
                match items {
                    Ok(items) => self.new_object(Object::List(items)),
                    Err(why) => self.hazy_list(why),
                }
            }
            ExprKind::Tuple(items) => match self.sequence(items)? {
                Ok(items) => self.new_object(Object::Tuple(items)),
                Err(why) => self.hazy_list(why),
            },
            ExprKind::Set(items) => match self.sequence(items)? {
                Ok(items) => self.new_set(items.items),
                Err(why) => self.hazy_list(why),
            },
            ExprKind::Dict(pairs) => self.eval_dict(pairs, at)?,
            ExprKind::Unary(..) | ExprKind::Binary(..) | ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Compare(..) => {
                self.eval_operator(expr, at)?
            }
            ExprKind::Conditional { test, then, orelse } => self.conditional(test, then, orelse)?,
            ExprKind::Lambda(def) => self.define(def)?,
            ExprKind::Starred(value) => self.eval(value)?,
            ExprKind::Comprehension { kind, element, value, clauses } => {
                self.comprehension(*kind, element, value.as_deref(), clauses, at)?
            }
            ExprKind::Named(name, value) => {
                let source = value.span;
                let value = self.eval(value)?;
                self.source(source);
                self.set_name(name, value.clone());
                value
            }
            ExprKind::Await(value) => {
                self.eval(value)?;
                Unknown::new("an awaited value", at, crate::python::canonical::expression(expr)).value()
            }
            ExprKind::Yield(value) => {
                let value = match value {
                    Some(value) => self.eval(value)?,
                    None => Value::None,
                };
                if let Some(frame) = self.frames.last_mut() {
                    frame.yields.push(value);
                }
                Value::None
            }
            ExprKind::Slice(_) | ExprKind::Other(_) => {
                Unknown::new("syntax that is not evaluated", at, crate::python::canonical::expression(expr)).value()
            }
        })
    }

    fn hazy_list(&mut self, why: Rc<Unknown>) -> Value {
        let value = self.new_list(Vec::new());
        if let Value::Object(object) = &value {
            self.heap[object.0].hazy = Some(why);
        }
        value
    }

    fn eval_name(&mut self, name: &Rc<str>, at: At) -> Value {
        if let Some(value) = self.lookup(name) {
            return value;
        }
        if super::builtin::is_builtin(name) {
            return Value::outside(format!("builtins.{name}"));
        }
        // After `from outside import *` any name may come from there.
        if let Some(Value::Outside(module)) = self.lookup("*") {
            return Value::outside(format!("{module}.{name}"));
        }
        Unknown::new(format!("the name `{name}` is not defined as far as can be seen"), at, name.clone()).value()
    }

    /// Elements with `*` unpacked; the reason if one of those is not known.
    fn sequence(&mut self, exprs: &[Expr]) -> Result<Result<Sequence, Rc<Unknown>>, Stop> {
        let mut sequence = Sequence::default();
        let mut unknown = None;
        for expr in exprs {
            let at = self.at(expr.span);
            if let ExprKind::Starred(inner) = &expr.kind {
                let value = self.eval(inner)?;
                match self.iterate(&value, at)? {
                    Ok(items) => {
                        sequence.at.extend(items.iter().map(|_| at));
                        sequence.items.extend(items);
                    }
                    Err((why, _)) => unknown = Some(why),
                }
            } else {
                sequence.items.push(self.eval(expr)?);
                sequence.at.push(at);
            }
        }
        Ok(unknown.map_or(Ok(sequence), Err))
    }

    fn eval_dict(&mut self, pairs: &[(Option<Expr>, Expr)], at: At) -> Result<Value, Stop> {
        let mut dict = Dict::default();
        let mut hazy = None;
        for (key, value) in pairs {
            if let Some(key) = key {
                let written = self.eval(key)?;
                let value = self.eval(value)?;
                match self.key(&written) {
                    Some(key) => dict.insert(key, written, value),
                    None => hazy = Some(self.why(&written, at)),
                }
            } else {
                let value = self.eval(value)?;
                match self.dict_pairs(&value) {
                    Some(pairs) => {
                        for (written, value) in pairs {
                            if let Some(key) = self.key(&written) {
                                dict.insert(key, written, value);
                            }
                        }
                    }
                    None => hazy = Some(self.why(&value, at)),
                }
            }
        }
        let value = self.new_object(Object::Dict(dict));
        if let (Some(why), Value::Object(object)) = (hazy, &value) {
            self.heap[object.0].hazy = Some(why);
        }
        Ok(value)
    }

    /// Keys and values of a dict whose content is known.
    pub(crate) fn dict_pairs(&self, value: &Value) -> Option<Vec<(Value, Value)>> {
        let Value::Object(object) = value else { return None };
        match (self.hazy(*object), self.object(*object)) {
            (None, Object::Dict(dict)) => Some(dict.pairs()),
            _ => None,
        }
    }

    fn eval_operator(&mut self, expr: &Expr, at: At) -> Result<Value, Stop> {
        match &expr.kind {
            ExprKind::Unary(op, value) => {
                let value = self.eval(value)?;
                Ok(self.unary(*op, &value, at))
            }
            ExprKind::Binary(first, rest) => {
                let mut left = self.eval(first)?;
                let mut from = first.span;
                for (op, operand) in rest {
                    let right = self.eval(operand)?;
                    // Of `a >> b >> c` each `>>` is a thing of its own, at its two operands.
                    let shift = matches!(op, BinaryOp::LeftShift | BinaryOp::RightShift);
                    let at = if shift { At { span: Span { end: operand.span.end, ..from }, ..at } } else { at };
                    left = self.binary(*op, &left, &right, at)?;
                    from = operand.span;
                }
                Ok(left)
            }
            ExprKind::And(parts) => self.junction(parts, true),
            ExprKind::Or(parts) => self.junction(parts, false),
            ExprKind::Compare(first, rest) => {
                let mut left = self.eval(first)?;
                let mut result = Value::Bool(true);
                for (op, right) in rest {
                    let right = self.eval(right)?;
                    result = self.compare(*op, &left, &right, at)?;
                    if !matches!(self.truth(&result, at), Ok(true)) {
                        return Ok(result);
                    }
                    left = right;
                }
                Ok(result)
            }
            _ => Ok(Value::None),
        }
    }

    fn unary(&mut self, op: UnaryOp, value: &Value, at: At) -> Value {
        match (op, value) {
            (UnaryOp::Not, value) => match self.truth(value, at) {
                Ok(truth) => Value::Bool(!truth),
                Err(why) => {
                    let mut unknown = Unknown::clone(&why);
                    unknown.text = short(format!("not {}", self.text(value)));
                    unknown.affix = None;
                    unknown.value()
                }
            },
            (UnaryOp::Minus, Value::Int(value)) => {
                value.checked_neg().map_or_else(|| self.unknown_from(&[], "arithmetic", at), Value::Int)
            }
            (UnaryOp::Minus, Value::Float(value)) => Value::Float(-value),
            (UnaryOp::Plus, Value::Int(_) | Value::Float(_)) => value.clone(),
            (UnaryOp::Invert, Value::Int(value)) => Value::Int(!value),
            (UnaryOp::Minus | UnaryOp::Plus, Value::Object(_)) if self.standard(value).is_some() => {
                let sign = if op == UnaryOp::Minus { -1 } else { 1 };
                self.delta_of_sign(value, sign)
                    .unwrap_or_else(|| self.unknown_from(std::slice::from_ref(value), "sign", at))
            }
            _ => self.unknown_from(std::slice::from_ref(value), &format!("{op:?}"), at),
        }
    }

    /// `and`, `or`: the deciding operand itself.
    fn junction(&mut self, parts: &[Expr], and: bool) -> Result<Value, Stop> {
        let Some((first, rest)) = parts.split_first() else { return Ok(Value::None) };
        let at = self.at(first.span);
        let value = self.eval(first)?;
        if rest.is_empty() {
            return Ok(value);
        }
        match self.truth(&value, at) {
            Ok(truth) if truth == and => self.junction(rest, and),
            Ok(_) => Ok(value),
            Err(why) => {
                let mut other = None;
                let outcome = self.branch(&why, |interp| {
                    other = Some(interp.junction(rest, and)?);
                    Ok(Flow::Next)
                })?;
                let outcomes: Vec<_> = outcome.into_iter().collect();
                self.join(outcomes, true, super::branch::Join::OneOf, &why);
                // `x or None` and the like: if the other side decides alone, it does.
                if let Some(other) = &other
                    && let Ok(truth) = self.truth(other, at)
                    && truth != and
                    && matches!(other, Value::Bool(_))
                    && matches!(value, Value::Bool(_))
                {
                    return Ok(other.clone());
                }
                let value = if matches!(value, Value::OneOf(_)) { why.as_ref().clone().value() } else { value };
                let joined = self.merge(&[Some(value), other.or(Some(Value::None))], &why);
                Ok(joined)
            }
        }
    }

    fn conditional(&mut self, test: &Expr, then: &Expr, orelse: &Expr) -> Result<Value, Stop> {
        let value = self.eval(test)?;
        match self.truth(&value, self.at(test.span)) {
            Ok(true) => self.eval(then),
            Ok(false) => self.eval(orelse),
            Err(why) => {
                let mut values = Vec::new();
                let mut outcomes = Vec::new();
                for side in [then, orelse] {
                    let outcome = self.branch(&why, |interp| {
                        let value = interp.eval(side)?;
                        values.push(Some(value));
                        Ok(Flow::Next)
                    })?;
                    outcomes.extend(outcome);
                }
                self.join(outcomes, false, super::branch::Join::OneOf, &why);
                Ok(self.merge(&values, &why))
            }
        }
    }

    fn eval_call(&mut self, function: &Expr, args: &[Arg], at: At) -> Result<Value, Stop> {
        if let (ExprKind::Name(name), []) = (&function.kind, args)
            && self.lookup(name).is_none()
        {
            match &**name {
                "super" => return Ok(self.super_value(at)),
                "globals" | "locals" | "vars" => {
                    let scope = if &**name == "globals" {
                        self.module_scope()
                    } else {
                        self.frames.last().map(|frame| frame.scope)
                    };
                    if let Some(scope) = scope {
                        return Ok(self.new_object(Object::Globals(scope)));
                    }
                }
                _ => {}
            }
        }
        let callee = self.eval(function)?;
        let args = self.eval_args(args)?;
        self.call(&callee, args, at)
    }

    pub(super) fn eval_args(&mut self, args: &[Arg]) -> Result<Args, Stop> {
        let mut result = Args::default();
        for arg in args {
            match arg {
                Arg::Positional(expr) => {
                    let at = self.at(expr.span);
                    let value = self.eval(expr)?;
                    result.positional.push(Argument { value, at });
                }
                Arg::Keyword(name, expr) => {
                    let at = self.at(expr.span);
                    let value = self.eval(expr)?;
                    result.keywords.push((name.clone(), Argument { value, at }));
                }
                Arg::Star(expr) => {
                    let at = self.at(expr.span);
                    let value = self.eval(expr)?;
                    match self.iterate(&value, at)? {
                        Ok(items) => result.positional.extend(items.into_iter().map(|value| Argument { value, at })),
                        Err((why, _)) => result.unknown = Some(why),
                    }
                }
                Arg::DoubleStar(expr) => {
                    let at = self.at(expr.span);
                    let value = self.eval(expr)?;
                    if let Some(pairs) = self.dict_pairs(&value) {
                        for (key, value) in pairs {
                            if let Some(name) = key.as_str() {
                                result.keywords.push((name.clone(), Argument { value, at }));
                            }
                        }
                    } else {
                        // What is known of a dict counts, but there may be more.
                        if let Value::Object(object) = &value
                            && let Object::Dict(dict) = self.object(*object)
                        {
                            for (key, value) in dict.pairs() {
                                if let Some(name) = key.as_str() {
                                    result.keywords.push((name.clone(), Argument { value, at }));
                                }
                            }
                        }
                        result.unknown = Some(self.why(&value, at));
                    }
                }
            }
        }
        Ok(result)
    }

    fn comprehension(
        &mut self,
        kind: ComprehensionKind,
        element: &Expr,
        value: Option<&Expr>,
        clauses: &[Clause],
        at: At,
    ) -> Result<Value, Stop> {
        // A scope of its own, as in Python.
        let Some(frame) = self.frames.last() else { return Ok(Value::None) };
        let outer = frame.scope;
        let mut parent = outer;
        while self.scopes[parent.0].class_body {
            match self.scopes[parent.0].parent {
                Some(next) => parent = next,
                None => break,
            }
        }
        let scope = self.new_scope(Some(parent), false);
        if self.scopes[outer.0].class_body {
            // The first iterable sees the class body; its names are few.
            let names = self.scopes[outer.0].names.clone();
            self.scopes[scope.0].names.extend(names);
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.scope = scope;
        }
        let mut found = Found { pairs: Vec::new(), at: Vec::new(), unknown: None, unordered: false };
        let result = self.clauses(element, value, clauses, &mut found);
        if let Some(frame) = self.frames.last_mut() {
            frame.scope = outer;
        }
        result?;
        let items = || found.pairs.iter().map(|(item, _)| item.clone()).collect::<Vec<_>>();
        let made = match kind {
            ComprehensionKind::List | ComprehensionKind::Generator => {
                let (items, at) = (items(), found.at.clone());
                self.new_object(Object::List(Sequence { items, at }))
            }
            ComprehensionKind::Set => {
                let items = items();
                self.new_set(items)
            }
            ComprehensionKind::Dict => {
                let mut dict = Dict::default();
                for (written, value) in &found.pairs {
                    match self.key(written) {
                        Some(key) => dict.insert(key, written.clone(), value.clone()),
                        None => found.unknown = Some(self.why(written, at)),
                    }
                }
                self.new_object(Object::Dict(dict))
            }
        };
        if let Value::Object(object) = &made {
            if let Some(why) = found.unknown {
                self.heap[object.0].hazy = Some(why);
            } else if found.unordered && !matches!(self.object(*object), Object::Set(_)) {
                self.set_unordered(*object, at);
            }
        }
        Ok(made)
    }

    fn clauses(
        &mut self,
        element: &Expr,
        value: Option<&Expr>,
        clauses: &[Clause],
        found: &mut Found,
    ) -> Result<(), Stop> {
        let Some((clause, rest)) = clauses.split_first() else {
            if found.pairs.len() > BOUNDS.size {
                return Err(self.limit("a list too long to evaluate", self.at(element.span)));
            }
            let at = self.at(element.span);
            let item = self.eval(element)?;
            let value = match value {
                Some(value) => self.eval(value)?,
                None => Value::None,
            };
            found.pairs.push((item, value));
            found.at.push(at);
            return Ok(());
        };
        match clause {
            Clause::For(target, iter) => {
                let at = self.at(iter.span);
                let iterable = self.eval(iter)?;
                let iterated = match self.unordered_items(&iterable) {
                    Some(items) => {
                        found.unordered = true;
                        Ok(items)
                    }
                    None => self.iterate(&iterable, at)?,
                };
                match iterated {
                    Ok(items) => {
                        let count = items.len();
                        for (index, item) in items.into_iter().enumerate() {
                            let mark = self.mark();
                            self.turn(target, iter, (index + 1, count), &item);
                            self.assign(target, item)?;
                            self.clauses(element, value, rest, found)?;
                            self.unwind(mark);
                        }
                    }
                    Err((why, item)) => {
                        found.unknown = Some(why.clone());
                        let outcome = self.branch(&why, |interp| {
                            interp.assign(target, item)?;
                            interp.clauses(element, value, rest, found)?;
                            Ok(Flow::Next)
                        })?;
                        self.join(outcome.into_iter().collect(), true, super::branch::Join::Repeated, &why);
                    }
                }
            }
            Clause::If(test) => {
                let tested = self.eval(test)?;
                match self.truth(&tested, self.at(test.span)) {
                    Ok(true) => self.clauses(element, value, rest, found)?,
                    Ok(false) => {}
                    Err(why) => {
                        found.unknown = Some(why.clone());
                        let outcome = self.branch(&why, |interp| {
                            interp.clauses(element, value, rest, found)?;
                            Ok(Flow::Next)
                        })?;
                        self.join(outcome.into_iter().collect(), true, super::branch::Join::OneOf, &why);
                    }
                }
            }
        }
        Ok(())
    }

    fn eval_subscript(&mut self, object: &Value, index: &Expr, at: At) -> Result<Value, Stop> {
        if let ExprKind::Slice(parts) = &index.kind {
            let mut bounds = [None, None, None];
            let mut known = true;
            for (bound, part) in bounds.iter_mut().zip(parts) {
                if let Some(part) = part {
                    let value = self.eval(part)?;
                    match value.as_int() {
                        Some(value) => *bound = Some(value),
                        None if matches!(value, Value::None) => {}
                        None => known = false,
                    }
                }
            }
            return Ok(if known {
                self.slice(object, bounds, at)
            } else {
                self.unknown_from(std::slice::from_ref(object), "slice", at)
            });
        }
        let index = self.eval(index)?;
        self.subscript(object, &index, at)
    }

    /// A call of the interpreter's own making.
    pub(crate) fn call_with(&mut self, callee: &Value, values: Vec<Value>, at: At) -> Result<Value, Stop> {
        self.call(callee, Args::positional(values, at), at)
    }

    /// `a == b`, where both are known.
    pub(crate) fn equal(&mut self, a: &Value, b: &Value, at: At) -> Result<Option<bool>, Stop> {
        let result = self.compare(CompareOp::Eq, a, b, at)?;
        Ok(self.truth(&result, at).ok())
    }
}

/// What a comprehension has gathered.
struct Found {
    pairs: Vec<(Value, Value)>,
    at: Vec<At>,
    unknown: Option<Rc<Unknown>>,
    /// Whether the order of what it gathered is not known.
    unordered: bool,
}
