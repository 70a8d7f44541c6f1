//! Expressions.

use super::lazy::Emit;
use super::{BOUNDS, Flow, Host, Interp};
use crate::content::Span;
use crate::python::syntax::{
    Arg, BinaryOp, Clause, CompareOp, Comprehension, ComprehensionKind, Expr, ExprKind, UnaryOp,
};
use crate::python::value::{Args, Argument, At, Context, Dict, Lazy, Object, Sequence, Stop, Unknown, Value, short};
use crate::switch;
use std::cell::RefCell;
use std::rc::Rc;

impl<'t, H: Host> Interp<'t, H> {
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
            _ if switch::off(expr.kind.construct()) => Value::None,
            ExprKind::Format(parts) => self.format_string(parts, at)?,
            ExprKind::Name(name) => self.eval_name(name, at)?,
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
            ExprKind::Comprehension(all) => self.comprehension(all, at)?,
            ExprKind::Named(name, value) => {
                let source = value.span;
                let value = self.eval(value)?;
                self.source(source);
                self.set_walrus(name, value.clone());
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
                self.give(value)?;
                Value::None
            }
            ExprKind::YieldFrom(value) => {
                let value = self.eval(value)?;
                self.give_all(&value, at)?
            }
            ExprKind::Slice(_) | ExprKind::Other(_) => {
                Unknown::new("syntax that is not evaluated", at, crate::python::canonical::expression(expr)).value()
            }
        })
    }

    fn hazy_list(&mut self, why: Rc<Unknown>) -> Value {
        let value = self.new_list(Vec::new());
        if let Value::Object(object) = &value {
            self.heap[object.0].make_hazy(why);
        }
        value
    }

    fn eval_name(&mut self, name: &Rc<str>, at: At) -> Result<Value, Stop> {
        if let Some(value) = self.lookup(name) {
            return Ok(value);
        }
        if super::builtin::is_builtin(name) {
            return Ok(Value::outside(format!("builtins.{name}")));
        }
        // After `from outside import *` any name may come from there.
        if let Some(Value::Outside(module)) = self.lookup("*") {
            return Ok(Value::outside(format!("{module}.{name}")));
        }
        if !self.may_have_unseen_names(name) {
            return self.raise("NameError", format!("name '{name}' is not defined"), at);
        }
        Ok(Unknown::new(format!("the name `{name}` is not defined as far as can be seen"), at, name.clone()).value())
    }

    /// Whether a name that is not found may be one that is defined all the same.
    pub(super) fn may_have_unseen_names(&self, name: &str) -> bool {
        self.open_names || name.starts_with("__") || self.has_open_names()
    }

    /// Whether the running module may have names that are not seen: those of a star import of
    /// something unknown, those set through `globals()` by a text that is not known.
    fn has_open_names(&self) -> bool {
        let Some(scope) = self.module_scope() else { return true };
        self.names(scope).keys().any(|name| &**name == "*" || name.starts_with('<'))
    }

    /// Elements with `*` unpacked; the reason if one of those is not known.
    fn sequence(&mut self, exprs: &[Expr]) -> Result<Result<Sequence, Rc<Unknown>>, Stop> {
        let room = exprs.len();
        let mut sequence = Sequence { items: Vec::with_capacity(room), at: Vec::with_capacity(room) };
        let mut unknown = None;
        for expr in exprs {
            let at = self.at(expr.span);
            if let ExprKind::Starred(inner) = &expr.kind {
                if switch::off("star unpacking") {
                    continue;
                }
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
        // Why some of its keys may be missing.
        let mut open = None;
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
                match self.content(&value, at) {
                    Some(content) => {
                        open = open.or_else(|| content.why.clone());
                        if !self.pour(&mut dict, content) {
                            hazy = Some(self.why(&value, at));
                        }
                    }
                    None => hazy = Some(self.why(&value, at)),
                }
            }
        }
        let value = self.new_open_dict(dict, open);
        if let (Some(why), Value::Object(object)) = (hazy, &value) {
            self.heap[object.0].make_hazy(why);
        }
        Ok(value)
    }

    /// Keys and values of a dict whose content is known.
    pub(crate) fn dict_pairs(&self, value: &Value) -> Option<Vec<(Value, Value)>> {
        self.dict_of(value).map(Dict::pairs)
    }

    /// A dict whose content is known.
    pub(crate) fn dict_of(&self, value: &Value) -> Option<&Dict> {
        let Value::Object(object) = value else { return None };
        if self.heap[object.0].hazy.is_some() {
            return None;
        }
        match self.object(*object) {
            Object::Dict(dict) => Some(dict),
            Object::Instance(_) => match self.held(value)? {
                held @ Value::Object(inner) if inner.0 != object.0 => self.dict_of(held),
                _ => None,
            },
            _ => None,
        }
    }

    /// The names that `**locals()` gives in a function.
    fn local_pairs(&self, value: &Value) -> Option<Vec<(Value, Value)>> {
        let Value::Object(object) = value else { return None };
        let Object::Globals(scope) = self.object(*object) else { return None };
        self.scopes[scope.0].parent?;
        Some(self.names(*scope).iter().map(|(name, value)| (Value::str(name.clone()), value.clone())).collect())
    }

    fn eval_operator(&mut self, expr: &Expr, at: At) -> Result<Value, Stop> {
        match &expr.kind {
            ExprKind::Unary(op, value) => {
                let value = self.eval(value)?;
                let value = if *op == UnaryOp::Not { self.condition(&value, at)? } else { value };
                self.unary(*op, &value, at)
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

    pub(super) fn unary(&mut self, op: UnaryOp, value: &Value, at: At) -> Result<Value, Stop> {
        if op != UnaryOp::Not {
            let name = match op {
                UnaryOp::Minus => "__neg__",
                UnaryOp::Plus => "__pos__",
                _ => "__invert__",
            };
            if let Some(value) = self.special(value, name, Vec::new(), at)? {
                return Ok(value);
            }
        }
        let value = &self.plain(value);
        Ok(match (op, value) {
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
        })
    }

    /// `and`, `or`: the deciding operand itself.
    fn junction(&mut self, parts: &[Expr], and: bool) -> Result<Value, Stop> {
        let Some((first, rest)) = parts.split_first() else { return Ok(Value::None) };
        let at = self.at(first.span);
        let value = self.eval(first)?;
        if rest.is_empty() {
            return Ok(value);
        }
        let tested = self.condition(&value, at)?;
        match self.truth(&tested, at) {
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
        let value = self.condition(&value, self.at(test.span))?;
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
        if let (ExprKind::Name(name), [Arg::Positional(class), Arg::Positional(receiver)]) = (&function.kind, args)
            && &**name == "super"
            && self.lookup(name).is_none()
        {
            let class = self.eval(class)?;
            let receiver = self.eval(receiver)?;
            return Ok(self.super_of(&class, receiver, at));
        }
        if let ExprKind::Attribute(class, name) = &function.kind
            && &**name == "__init__"
            && !args.is_empty()
        {
            let class = self.eval(class)?;
            let mut args = self.eval_args(args)?;
            if let Some(instance) = self.initialised_by(&class, &args) {
                args.positional.remove(0);
                self.initialise_as(instance, &class, &args, at)?;
                return Ok(Value::None);
            }
            let callee = self.attribute(&class, name, at)?;
            return self.call(&callee, args, at);
        }
        let callee = self.eval(function)?;
        let args = self.eval_args(args)?;
        self.call(&callee, args, at)
    }

    pub(super) fn eval_args(&mut self, args: &[Arg]) -> Result<Args, Stop> {
        let named = args.iter().filter(|arg| matches!(arg, Arg::Keyword(..))).count();
        let mut result = Args {
            positional: Vec::with_capacity(args.len() - named),
            keywords: Vec::with_capacity(named),
            ..Args::default()
        };
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
                        Err((why, _)) => {
                            result.open(why, None);
                            result.starred = true;
                        }
                    }
                }
                Arg::DoubleStar(expr) => {
                    let at = self.at(expr.span);
                    let value = self.eval(expr)?;
                    if let Some(pairs) = self.local_pairs(&value) {
                        for (key, value) in pairs {
                            if let Some(name) = key.as_str() {
                                result.keywords.push((name.clone(), Argument { value, at }));
                            }
                        }
                    } else if !self.add_keywords(&mut result, &value, at) {
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
                        let mut why = Unknown::clone(&*self.why(&value, at));
                        why.hosts.extend(self.hosts_in(&value));
                        result.open(Rc::new(why), None);
                    }
                    self.refuse_twice(&result, at)?;
                }
            }
        }
        Ok(result)
    }

    fn comprehension(&mut self, all: &Rc<Comprehension>, at: At) -> Result<Value, Stop> {
        let Some(frame) = self.frames.last() else { return Ok(Value::None) };
        let outer = frame.scope;
        if all.kind == ComprehensionKind::Generator {
            // Only the first iterable is evaluated where the expression stands.
            let context =
                Context { scope: outer, file: frame.file, class: frame.class, receiver: frame.receiver.clone() };
            let first = match all.clauses.first() {
                Some(Clause::For(_, iter)) => self.eval(iter)?,
                _ => Value::None,
            };
            let lazy = Lazy::Expression { comprehension: all.clone(), first, context: Box::new(context) };
            return Ok(self.new_object(Object::Lazy(lazy)));
        }
        // The first iterable is evaluated where the comprehension stands: only it sees the names of a
        // class body.
        let first = match all.clauses.first() {
            Some(Clause::For(_, iter)) if self.scopes[outer.0].class_body => Some(self.eval(iter)?),
            _ => None,
        };
        // A scope of its own, as in Python.
        let scope = self.comprehension_scope(outer);
        if let Some(frame) = self.frames.last_mut() {
            frame.scope = scope;
        }
        let found: Rc<RefCell<Found>> = Rc::default();
        let (into, conditions) = (found.clone(), self.maybe.len());
        let emit: Emit<'t, H> = Rc::new(move |run, item, value, at| {
            let mut found = into.borrow_mut();
            if found.items.len() > BOUNDS.size {
                return Err(run.limit("a list too long to evaluate", at));
            }
            if let Some(why) = run.maybe.get(conditions) {
                found.unknown = Some(why.clone());
            }
            found.items.push(item);
            found.values.push(value);
            found.at.push(at);
            Ok(())
        });
        let result = self.clauses(all, 0, first, &emit);
        if let Some(frame) = self.frames.last_mut() {
            frame.scope = outer;
        }
        result?;
        let Found { items, values, at: places, mut unknown } = found.take();
        let made = match all.kind {
            ComprehensionKind::List | ComprehensionKind::Generator => {
                self.new_object(Object::List(Sequence { items, at: places }))
            }
            ComprehensionKind::Set => self.new_set(items),
            ComprehensionKind::Dict => {
                let mut dict = Dict::default();
                for (written, value) in items.into_iter().zip(values) {
                    match self.key(&written) {
                        Some(key) => dict.insert(key, written, value),
                        None => unknown = Some(self.why(&written, at)),
                    }
                }
                self.new_object(Object::Dict(dict))
            }
        };
        if let (Some(why), Value::Object(object)) = (unknown, &made) {
            self.heap[object.0].make_hazy(why);
        }
        Ok(made)
    }

    fn eval_subscript(&mut self, object: &Value, index: &Expr, at: At) -> Result<Value, Stop> {
        if let ExprKind::Slice(parts) = &index.kind {
            let bounds = self.slice_bounds(parts)?;
            return Ok(match bounds {
                Some(bounds) => self.slice(object, bounds, at),
                None => self.unknown_from(std::slice::from_ref(object), "slice", at),
            });
        }
        let index = self.eval(index)?;
        self.subscript(object, &index, at)
    }

    /// What stands between the colons of a slice; `None` if one of them is not known.
    pub(super) fn slice_bounds(
        &mut self,
        parts: &[Option<Box<Expr>>; 3],
    ) -> Result<Option<super::subscript::Bounds>, Stop> {
        let mut bounds = [None, None, None];
        let mut known = true;
        for (bound, part) in bounds.iter_mut().zip(parts) {
            if let Some(part) = part {
                let value = self.eval(part)?;
                match value.as_int() {
                    Some(value) => *bound = Some(value),
                    None => known &= matches!(value, Value::None),
                }
            }
        }
        Ok(known.then_some(bounds))
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
#[derive(Default)]
struct Found {
    items: Vec<Value>,
    /// For a dict.
    values: Vec<Value>,
    at: Vec<At>,
    unknown: Option<Rc<Unknown>>,
}
