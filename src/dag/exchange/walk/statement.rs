//! Statements: what they do to the values that are followed.

use super::{Frame, Walk};
use crate::content::Span;
use crate::dag::Shape;
use crate::dag::exchange::followed::{Abs, Is, guarded, join, merge, whole};
use crate::dag::exchange::{ENVIRONMENT, Step, Test, What};
use crate::python::interpret::bases_of_exception;
use crate::python::names::Binding;
use crate::python::syntax::{
    Case, CompareOp, Expr, ExprKind, Function, Handler, Name, Pattern, Stmt, StmtKind, UnaryOp, With,
};
use crate::python::value::{Value, last_name};
use std::collections::{BTreeMap, BTreeSet};

impl Walk<'_, '_> {
    /// Walks a block; says whether it cannot run off its end.
    pub(in crate::dag::exchange) fn block(&mut self, frame: &mut Frame, body: &[Stmt]) -> bool {
        let outer = frame.conditions.len();
        let mut ended = false;
        for stmt in body {
            if ended || !self.step() {
                break;
            }
            ended = self.stmt(frame, stmt);
        }
        frame.conditions.truncate(outer);
        ended
    }

    fn stmt(&mut self, frame: &mut Frame, stmt: &Stmt) -> bool {
        match &stmt.kind {
            StmtKind::Expr(value) => {
                let result = self.express(frame, value);
                if matches!(value.kind, ExprKind::Call(..)) && result.of.is_empty() && self.tolerant == 0 {
                    self.does_work(frame, &result, value.span);
                }
            }
            StmtKind::Assign { targets, value } => {
                let mut given = self.express(frame, value).shared(frame, value);
                if targets.len() > 1 {
                    given.unmeasure();
                }
                for target in targets {
                    self.assign(frame, target, given.clone());
                }
            }
            StmtKind::Annotated { target, annotation, value: Some(value) } => {
                let mut value = self.express(frame, value);
                if value.shape == Shape::Any {
                    value.shape = self.annotation(frame, annotation);
                }
                self.assign(frame, target, value);
            }
            StmtKind::Augmented { target, op, value } => {
                let value = self.express(frame, value);
                let before = self.express(frame, target);
                let after = self.calculate(frame, *op, (&before, target.span), (&value, stmt.span));
                Self::unmeasure_inside(frame);
                self.assign(frame, target, after);
            }
            StmtKind::Return(value) => {
                let value = value.as_ref().map_or_else(
                    || Abs::of_shape(Shape::None),
                    |value| {
                        let result = self.express(frame, value);
                        if self.calls.len() == 1 {
                            self.open(frame, &result, value.span);
                        }
                        result
                    },
                );
                frame.returns.push((value, stmt.span));
                return true;
            }
            StmtKind::Raise(value) => {
                if let Some(value) = value {
                    self.express(frame, value);
                    self.raised(frame, value, stmt.span);
                }
                return true;
            }
            StmtKind::Break | StmtKind::Continue => return true,
            // Other functions change what these names hold.
            StmtKind::Global(_) | StmtKind::Nonlocal(_) => frame.closures = true,
            StmtKind::Assert(parts) => {
                if let Some(test) = parts.first() {
                    self.express(frame, test);
                    let tests = self.tests(frame, test, true);
                    frame.conditions.extend(tests);
                }
            }
            StmtKind::Delete(targets) => {
                for target in targets {
                    let ExprKind::Subscript(object, index) = &target.kind else { continue };
                    let known = match (&object.kind, &index.kind) {
                        (ExprKind::Name(name), ExprKind::Str(key)) => Self::without_key(frame, name, key),
                        _ => false,
                    };
                    if !known {
                        Self::loosen(frame, object);
                    }
                }
            }
            _ => return self.compound(frame, stmt),
        }
        false
    }

    /// A function of the tree that is called for what it does.
    fn does_work(&mut self, frame: &Frame, result: &Abs, span: Span) {
        let called = result.giver.as_ref().filter(|giver| giver.ends_with("()"));
        if let Some(giver) = called {
            let why = What::Work.finds(&result.shape).and_then(Result::err);
            self.asks(frame, giver, (What::Work, why), span);
        }
    }

    /// A name that is read before the only statement that binds it.
    pub(in crate::dag::exchange) fn unset(&mut self, frame: &Frame, name: &Name, span: Span) {
        if frame.perhaps + frame.loops + self.tolerant > 0 || self.raises.is_some() || frame.env.contains_key(name) {
            return;
        }
        let own = frame.own.get_or_init(|| {
            let bound = crate::python::names::Names::of_function(&frame.def).bound;
            bound.into_iter().filter(|(_, is)| !matches!(is, Binding::Several)).map(|(name, _)| name).collect()
        });
        if own.contains(name) {
            self.raises = Some(("UnboundLocalError".to_owned(), frame.at(span)));
        }
    }

    /// An exception that is raised whatever happened before.
    fn raised(&mut self, frame: &Frame, value: &Expr, span: Span) {
        self.may_raise = true;
        let class = match &value.kind {
            ExprKind::Call(callee, _) => callee,
            _ => value,
        };
        if frame.perhaps + frame.loops == 0
            && self.raises.is_none()
            && let Some(name) = last_name(class)
            && !self.is_caught(&[name])
        {
            self.raises = Some((name.to_owned(), frame.at(span)));
        }
    }

    /// Whether something around the current statement may catch one of these exceptions, and go on.
    pub(super) fn is_caught(&self, names: &[&str]) -> bool {
        let passes = |caught: &&Vec<Option<String>>| !names.iter().any(|name| may_catch(caught, name));
        self.tolerant > self.catching.iter().filter(passes).count()
    }

    fn compound(&mut self, frame: &mut Frame, stmt: &Stmt) -> bool {
        match &stmt.kind {
            StmtKind::If { arms, orelse } => self.choice(frame, arms, orelse),
            StmtKind::For(repeated) => {
                let iter = self.express(frame, &repeated.iter);
                let element = self.element(frame, &iter, repeated.iter.span);
                let before = frame.env.clone();
                self.assign(frame, &repeated.target, element);
                frame.loops += 1;
                let left = self.block(frame, &repeated.body);
                frame.loops -= 1;
                frame.perhaps += usize::from(left);
                join(&mut frame.env, before);
                self.block(frame, &repeated.orelse);
                false
            }
            StmtKind::While { test, body, orelse } => {
                self.express(frame, test);
                let before = frame.env.clone();
                let outer = frame.conditions.len();
                let tests = self.tests(frame, test, true);
                frame.conditions.extend(tests);
                self.perhaps(frame, body);
                frame.conditions.truncate(outer);
                join(&mut frame.env, before);
                self.perhaps(frame, orelse);
                matches!(test.kind, ExprKind::True) && !breaks(body)
            }
            StmtKind::Try { body, handlers, orelse, finally } => {
                let swallows = handlers.iter().any(swallows);
                self.tolerant += usize::from(swallows);
                let outer = self.catching.len();
                self.catching.extend(swallows.then(|| handlers.iter().flat_map(caught).collect()));
                let before = frame.env.clone();
                let ended = self.block(frame, body) || self.block(frame, orelse);
                self.tolerant -= usize::from(swallows);
                self.catching.truncate(outer);
                let mut all = ended;
                let after = std::mem::replace(&mut frame.env, before.clone());
                let mut joined = if ended { None } else { Some(after) };
                let sure = frame.perhaps;
                frame.perhaps += 1;
                for handler in handlers {
                    frame.env = before.clone();
                    if let Some(name) = &handler.name {
                        frame.env.insert(name.clone(), Abs::any());
                    }
                    let ended = self.block(frame, &handler.body);
                    all &= ended;
                    if !ended {
                        let env = std::mem::take(&mut frame.env);
                        match &mut joined {
                            Some(joined) => join(joined, env),
                            None => joined = Some(env),
                        }
                    }
                }
                frame.env = joined.unwrap_or(before);
                // Behind handlers that go on, what was raised is over.
                frame.perhaps = sure + usize::from(ended || swallows);
                self.block(frame, finally) || all
            }
            StmtKind::With(with) => self.within(frame, with, stmt.span),
            StmtKind::Match { subject, cases } => self.matched(frame, subject, cases, stmt.span),
            StmtKind::Function { def, .. } => {
                self.nested(frame, def);
                frame.env.insert(def.name.clone(), Abs::any());
                false
            }
            StmtKind::Class { def, .. } => {
                frame.env.insert(def.name.clone(), Abs::any());
                false
            }
            StmtKind::Import(names) => {
                for (name, alias) in names {
                    let path: Name = alias.clone().unwrap_or_else(|| name.split('.').next().unwrap_or(name).into());
                    let outside = Value::outside(if alias.is_some() { name.clone() } else { path.clone() });
                    frame.env.insert(path, Abs::special(Is::Value(outside)));
                }
                false
            }
            StmtKind::ImportFrom { level, module, names, .. } => {
                for (name, alias, _) in names {
                    let value = if *level == 0 { self.imported(frame, module, name) } else { Abs::any() };
                    frame.env.insert(alias.clone().unwrap_or_else(|| name.clone()), value);
                }
                false
            }
            _ => false,
        }
    }

    fn within(&mut self, frame: &mut Frame, with: &With, span: Span) -> bool {
        for (value, target) in &with.items {
            let value = self.express(frame, value);
            self.open(frame, &value, span);
            if let Some(target) = target {
                self.assign(frame, target, Abs::any());
            }
        }
        let swallows = usize::from(with.items.iter().any(|(value, _)| is_suppress(value)));
        let before = (swallows > 0).then(|| frame.env.clone());
        self.tolerant += swallows;
        let ended = self.block(frame, &with.body);
        self.tolerant -= swallows;
        if let Some(before) = before {
            join(&mut frame.env, before);
        }
        // Behind it goes on what ended within it.
        ended && swallows == 0
    }

    fn matched(&mut self, frame: &mut Frame, subject: &Expr, cases: &[Case], span: Span) -> bool {
        let subject = self.express(frame, subject);
        let before = frame.env.clone();
        let mut joined = before.clone();
        let mut all = !cases.is_empty() && cases.last().is_some_and(|case| matches!(case.pattern, Pattern::Any));
        for case in cases {
            frame.env = before.clone();
            for name in captures(&case.pattern) {
                frame.env.insert(name, Abs::any());
            }
            let outer = frame.conditions.len();
            let test = pattern_test(&case.pattern);
            frame.conditions.extend(whole(&subject, &test, true));
            frame.perhaps += 1;
            let ended = self.block(frame, &case.body);
            frame.perhaps -= usize::from(!ended);
            all &= ended;
            frame.conditions.truncate(outer);
            if !ended {
                join(&mut joined, std::mem::take(&mut frame.env));
            }
        }
        self.open(frame, &subject, span);
        frame.env = joined;
        all
    }

    /// An `if`: each arm under its test, and the rest of the block under what then must hold.
    fn choice(&mut self, frame: &mut Frame, arms: &[(Expr, Vec<Stmt>)], orelse: &[Stmt]) -> bool {
        let outer = frame.conditions.len();
        let mut after: Option<BTreeMap<Name, Abs>> = None;
        let mut all = true;
        let mut ended_tests = Vec::new();
        // Whether an arm leaves the function, so that what comes behind may not be reached.
        let mut left = false;
        for (test, body) in arms {
            self.express(frame, test);
            match decided(test) {
                Some(false) => continue,
                // Whatever comes behind is not reached.
                Some(true) => {
                    let ended = self.block(frame, body);
                    if !ended {
                        merge(&mut after, std::mem::take(&mut frame.env));
                    }
                    frame.conditions.truncate(outer);
                    if let Some(after) = after {
                        frame.env = after;
                    }
                    frame.conditions.extend(ended_tests);
                    return all && ended;
                }
                None => {}
            }
            let before = frame.env.clone();
            let depth = frame.conditions.len();
            let tests = self.tests(frame, test, true);
            frame.conditions.extend(tests);
            frame.perhaps += 1;
            let ended = self.block(frame, body);
            left |= ended;
            frame.perhaps -= 1;
            if !ended {
                let env = guarded(std::mem::take(&mut frame.env), &before, &frame.conditions[outer..]);
                merge(&mut after, env);
            }
            frame.conditions.truncate(depth);
            all &= ended;
            frame.env = before;
            let negated = self.tests(frame, test, false);
            if ended {
                ended_tests.extend(negated.iter().cloned());
            }
            frame.conditions.extend(negated);
        }
        let before = frame.env.clone();
        frame.perhaps += 1;
        let ended = self.block(frame, orelse);
        left |= ended;
        frame.perhaps -= usize::from(!left);
        if !ended {
            let env = guarded(std::mem::take(&mut frame.env), &before, &frame.conditions[outer..]);
            merge(&mut after, env);
        }
        frame.conditions.truncate(outer);
        if let Some(after) = after {
            frame.env = after;
        } else {
            frame.env = before;
        }
        // What comes behind an arm that ended runs only where its test did not hold.
        frame.conditions.extend(ended_tests);
        all && ended
    }

    /// A function within a function: what it does with the values around it is done.
    pub(in crate::dag::exchange) fn nested(&mut self, frame: &mut Frame, def: &Function) {
        let env = frame.env.clone();
        let returns = std::mem::take(&mut frame.returns);
        frame.perhaps += 1;
        for parameter in &def.parameters {
            frame.env.insert(parameter.name.clone(), Abs::any());
        }
        self.block(frame, &def.body);
        for (value, span) in std::mem::replace(&mut frame.returns, returns) {
            self.open(frame, &value, span);
        }
        frame.env = env;
        frame.perhaps -= 1;
        // It may change what the names around it hold, whenever it is called.
        frame.closures = true;
        for held in frame.env.values_mut() {
            held.giver = None;
            held.unstored = None;
            held.unmeasure();
            if matches!(held.is, Is::False) {
                held.is = Is::Plain;
            }
        }
    }

    pub(in crate::dag::exchange) fn assign(&mut self, frame: &mut Frame, target: &Expr, value: Abs) {
        match &target.kind {
            ExprKind::Name(name) => {
                frame.env.insert(name.clone(), value);
            }
            ExprKind::Tuple(items) | ExprKind::List(items) => {
                let starred = items.iter().any(|item| matches!(item.kind, ExprKind::Starred(_)));
                let count = items.len() - usize::from(starred);
                self.need(frame, &value, &What::Unpack(count, starred), target.span);
                for (index, item) in items.iter().enumerate() {
                    let part = match &value.shape {
                        Shape::Tuple(parts) if !starred => parts.get(index).cloned().unwrap_or(Shape::Any),
                        Shape::List(inner, _) => (**inner).clone(),
                        _ => Shape::Any,
                    };
                    let step = if starred { Step::Element } else { Step::Index(index) };
                    let part = Self::part(&value, &step, part);
                    self.assign(frame, item, part);
                }
            }
            ExprKind::Starred(inner) => self.assign(frame, inner, Abs::of_shape(Shape::list(Shape::Any))),
            ExprKind::Subscript(object, index) => {
                let key = self.express(frame, index);
                self.open(frame, &value, target.span);
                self.put(frame, object, &key, value);
            }
            ExprKind::Attribute(object, _) => {
                self.express(frame, object);
                self.open(frame, &value, target.span);
            }
            _ => {}
        }
    }

    /// `object[key] = …` of a dict that a name holds.
    fn put(&mut self, frame: &mut Frame, object: &Expr, key: &Abs, value: Abs) {
        let Abs { shape, unstored, .. } = value;
        let ExprKind::Name(name) = &object.kind else {
            let holder = self.express(frame, object);
            self.context_grows |= matches!(holder.is, Is::Context);
            self.environment_grows |= matches!(&holder.is, Is::Value(Value::Outside(path)) if &**path == ENVIRONMENT);
            Self::unmeasure_inside(frame);
            return;
        };
        let Some(held) = frame.env.get_mut(name) else { return };
        self.context_grows |= matches!(held.is, Is::Context);
        held.unstored = unstored;
        match (&mut held.shape, &key.is) {
            (Shape::Dict(Some(keys)), Is::Text(key)) => {
                keys.insert(key.to_string(), shape);
            }
            (Shape::Dict(_), _) => held.shape = Shape::Dict(None),
            (Shape::List(..), _) => held.shape = Shape::list(Shape::Any),
            _ => {}
        }
    }

    /// Takes a key out of the dict that a name holds; whether its keys are known.
    pub(in crate::dag::exchange) fn without_key(frame: &mut Frame, name: &Name, key: &str) -> bool {
        let Some(held) = frame.env.get_mut(name) else { return false };
        let Shape::Dict(Some(keys)) = &mut held.shape else { return false };
        keys.remove(key);
        held.giver = None;
        held.unstored = None;
        true
    }

    /// Walks a block that may not be reached.
    fn perhaps(&mut self, frame: &mut Frame, body: &[Stmt]) -> bool {
        frame.perhaps += 1;
        let ended = self.block(frame, body);
        // One that leaves keeps what comes behind from being reached.
        frame.perhaps -= usize::from(!ended);
        ended
    }

    /// What a name holds may be changed by code that is not followed.
    pub(in crate::dag::exchange) fn loosen(frame: &mut Frame, object: &Expr) {
        Self::unmeasure_inside(frame);
        if let ExprKind::Name(name) = &object.kind
            && let Some(held) = frame.env.get_mut(name)
        {
            held.giver = None;
            held.unstored = None;
            match &held.shape {
                Shape::Dict(_) => held.shape = Shape::Dict(None),
                Shape::List(..) => held.shape = Shape::list(Shape::Any),
                _ => {}
            }
        }
    }

    /// Lists within other values may have got other lengths: by which names they go is not followed.
    fn unmeasure_inside(frame: &mut Frame) {
        for held in frame.env.values_mut() {
            match &mut held.shape {
                Shape::List(inner, _) if inner.is_measured() => **inner = inner.unmeasured(),
                Shape::List(..) => {}
                shape if shape.is_measured() => *shape = shape.unmeasured(),
                _ => {}
            }
        }
    }
}

fn pattern_test(pattern: &Pattern) -> Test {
    match pattern {
        Pattern::Class(class, ..) => {
            last_name(class).map_or(Test::Other, |name| Test::Is(BTreeSet::from([name.to_owned()])))
        }
        Pattern::Mapping(..) => Test::Is(BTreeSet::from(["dict".to_owned()])),
        Pattern::Sequence(_) => Test::Is(BTreeSet::from(["list".to_owned(), "tuple".to_owned()])),
        Pattern::As(inner, _) => pattern_test(inner),
        _ => Test::Other,
    }
}

fn captures(pattern: &Pattern) -> Vec<Name> {
    match pattern {
        Pattern::Capture(name) | Pattern::Star(Some(name)) => vec![name.clone()],
        Pattern::As(inner, name) => captures(inner).into_iter().chain([name.clone()]).collect(),
        Pattern::Or(all) | Pattern::Sequence(all) => all.iter().flat_map(captures).collect(),
        Pattern::Mapping(pairs, rest) => {
            pairs.iter().flat_map(|(_, pattern)| captures(pattern)).chain(rest.clone()).collect()
        }
        Pattern::Class(_, positional, named) => {
            positional.iter().chain(named.iter().map(|(_, pattern)| pattern)).flat_map(captures).collect()
        }
        _ => Vec::new(),
    }
}

/// What a test of literals comes to.
fn decided(test: &Expr) -> Option<bool> {
    let number = |expr: &Expr| match expr.kind {
        ExprKind::Int(number) => Some(number),
        _ => None,
    };
    match &test.kind {
        ExprKind::True => Some(true),
        ExprKind::False | ExprKind::None => Some(false),
        ExprKind::Int(number) => Some(*number != 0),
        ExprKind::Unary(UnaryOp::Not, inner) => decided(inner).map(|truth| !truth),
        ExprKind::Compare(first, rest) => match &**rest {
            [(op, second)] => {
                let (a, b) = (number(first)?, number(second)?);
                Some(match op {
                    CompareOp::Eq => a == b,
                    CompareOp::NotEq => a != b,
                    CompareOp::Less => a < b,
                    CompareOp::LessEq => a <= b,
                    CompareOp::Greater => a > b,
                    CompareOp::GreaterEq => a >= b,
                    _ => return None,
                })
            }
            _ => None,
        },
        _ => None,
    }
}

/// `contextlib.suppress(…)`: what is raised within is over behind it.
fn is_suppress(manager: &Expr) -> bool {
    matches!(&manager.kind, ExprKind::Call(callee, _) if last_name(callee) == Some("suppress"))
}

/// Whether a handler goes on after what was raised.
fn swallows(handler: &Handler) -> bool {
    !matches!(handler.body.last().map(|stmt| &stmt.kind), Some(StmtKind::Raise(_)))
}

/// What a handler catches, by the last names of the classes; none for what is not a name.
fn caught(handler: &Handler) -> Vec<Option<String>> {
    let of_one = |class: &Expr| last_name(class).map(str::to_owned);
    match handler.kind.as_ref().map(|class| (&class.kind, class)) {
        None => vec![None],
        Some((ExprKind::Tuple(classes), _)) => classes.iter().map(of_one).collect(),
        Some((_, class)) => vec![of_one(class)],
    }
}

/// Whether one of these handlers may catch an exception of that name: that of Python's own none does that is not above it.
fn may_catch(caught: &[Option<String>], name: &str) -> bool {
    // Names that libraries have for exceptions of their own as well.
    let own = |name: &str| bases_of_exception(name).is_some() && !["ConnectionError", "TimeoutError"].contains(&name);
    let above = bases_of_exception(name).unwrap_or_default();
    caught.iter().any(|class| {
        class.as_deref().is_none_or(|class| !own(name) || !own(class) || class == name || above.contains(&class))
    })
}

/// Whether a loop can be left from within.
fn breaks(body: &[Stmt]) -> bool {
    body.iter().any(|stmt| match &stmt.kind {
        StmtKind::Break => true,
        StmtKind::If { arms, orelse } => arms.iter().any(|(_, body)| breaks(body)) || breaks(orelse),
        StmtKind::With(with) => breaks(&with.body),
        StmtKind::Try { body, handlers, orelse, finally } => {
            breaks(body) || breaks(orelse) || breaks(finally) || handlers.iter().any(|handler| breaks(&handler.body))
        }
        _ => false,
    })
}
