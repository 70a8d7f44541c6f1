//! What is iterated one value at a time: `next()`, `zip`, `islice`, and a loop that may leave a
//! generator which others go on with.
//!
//! Here a generator does stand still between two values: the statements it is in are kept by
//! number, with the iterators of its loops. A `yield` within an expression, a `with` or a `try`
//! is not followed so.

use super::super::branch::Join;
use super::super::{BOUNDS, Flow, Host, Interp};
use super::{Emit, Ended, Turn, holds_open};
use crate::python::syntax::{Clause, Expr, ExprKind, For, Stmt, StmtKind};
use crate::python::value::{At, Inside, Lazy, Level, Looping, Object, Ref, Standing, Stop, Unknown, Value, short};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// The next value, none at the end, or why it is not known.
pub(in super::super) type Next = Result<Option<Value>, Rc<Unknown>>;

/// How far a generator ran.
enum Ran {
    Yielded(Value),
    Flow(Flow),
}

impl<'t, H: Host> Interp<'t, H> {
    /// The next value of something lazy.
    pub(in super::super) fn next_of(&mut self, object: Ref, at: At) -> Result<Next, Stop> {
        self.step(at)?;
        if let Some(why) = self.hazy(object) {
            return Ok(Err(why));
        }
        let Object::Lazy(lazy) = self.object(object).clone() else { return Ok(Ok(None)) };
        self.deeper(at, |run| run.next_of_kind(object, lazy, at))
    }

    fn next_of_kind(&mut self, object: Ref, lazy: Lazy, at: At) -> Result<Next, Stop> {
        match lazy {
            Lazy::Items { items, next } => {
                let item = items.get(next).cloned();
                if item.is_some() {
                    self.set_lazy(object, Lazy::Items { items, next: next + 1 });
                }
                Ok(Ok(item))
            }
            Lazy::Call { function, scope, receiver } => {
                if let Object::Function(function) = self.object(function)
                    && holds_open(&function.def.body)
                {
                    return Err(
                        self.limit("a generator that is held open between two of its values is not followed", at)
                    );
                }
                let standing = Standing {
                    function,
                    scope,
                    receiver,
                    globals: BTreeSet::new(),
                    nonlocals: BTreeSet::new(),
                    levels: Vec::new(),
                };
                self.resume(object, standing, at)
            }
            Lazy::Standing(standing) => self.resume(object, *standing, at),
            Lazy::Expression { comprehension, first, context } => {
                let scope = self.comprehension_scope(context.scope);
                let first = self.iterator_of(&first, at)?;
                self.resume_loops(
                    object,
                    Looping { comprehension, context: *context, scope, levels: vec![(0, first)] },
                    at,
                )
            }
            Lazy::Looping(looping) => self.resume_loops(object, *looping, at),
            Lazy::Left => Ok(Err(Rc::new(Unknown::new(
                "an iterator that was left before its end is not followed",
                at,
                "iterator",
            )))),
            lazy => self.next_through(object, lazy, at),
        }
    }

    /// The next value of what goes through other iterables.
    fn next_through(&mut self, object: Ref, lazy: Lazy, at: At) -> Result<Next, Stop> {
        match lazy {
            Lazy::Enumerate { source, start } => {
                let source = self.iterator_of(&source, at)?;
                self.set_lazy(object, Lazy::Enumerate { source: source.clone(), start: start.saturating_add(1) });
                let next = self.next_item(&source, at)?;
                Ok(next.map(|item| item.map(|item| self.new_tuple(vec![Value::Int(start), item]))))
            }
            Lazy::Map { function, source } => {
                let source = self.iterator_of(&source, at)?;
                self.set_lazy(object, Lazy::Map { function: function.clone(), source: source.clone() });
                Ok(match self.next_item(&source, at)? {
                    Ok(Some(item)) => Ok(Some(self.call_with(&function, vec![item], at)?)),
                    Err(why) => {
                        self.perhaps_with(&function, Value::Unknown(why.clone()), &why, at)?;
                        Err(why)
                    }
                    ended => ended,
                })
            }
            Lazy::Filter { function, source } => {
                let source = self.iterator_of(&source, at)?;
                self.set_lazy(object, Lazy::Filter { function: function.clone(), source: source.clone() });
                loop {
                    let item = match self.next_item(&source, at)? {
                        Ok(Some(item)) => item,
                        Err(why) => {
                            if !matches!(function, Value::None) {
                                self.perhaps_with(&function, Value::Unknown(why.clone()), &why, at)?;
                            }
                            return Ok(Err(why));
                        }
                        ended => return Ok(ended),
                    };
                    if self.accepts(&function, &item, at)? {
                        return Ok(Ok(Some(item)));
                    }
                }
            }
            Lazy::TakeWhile { function, source } => match self.next_item(&source, at)? {
                Ok(Some(item)) if self.accepts(&function, &item, at)? => Ok(Ok(Some(item))),
                Ok(_) => {
                    self.set_lazy(object, Lazy::Items { items: Rc::new([]), next: 0 });
                    Ok(Ok(None))
                }
                unknown => Ok(unknown),
            },
            Lazy::Zip { sources } => {
                let mut row = Vec::new();
                for source in sources.iter() {
                    match self.next_item(source, at)? {
                        Ok(Some(item)) => row.push(item),
                        Err(why) if sources.len() > 1 => {
                            // What the others would still do is not run.
                            return Err(self.limit("the next value depends on something that is not known", why.at));
                        }
                        ended => return Ok(ended),
                    }
                }
                Ok(Ok((!row.is_empty()).then(|| self.new_tuple(row))))
            }
            Lazy::Slice { source, mut taken, next, stop, stride } => {
                let done = |taken: usize| stop.is_some_and(|stop| taken >= stop);
                while taken < next {
                    match self.next_item(&source, at)? {
                        Ok(Some(_)) => taken += 1,
                        ended => return Ok(ended),
                    }
                }
                let following = next.saturating_add(stride);
                let following = stop.map_or(following, |stop| following.min(stop));
                let item = if done(taken) { Ok(None) } else { self.next_item(&source, at)? };
                let taken = taken + usize::from(matches!(item, Ok(Some(_))));
                self.set_lazy(object, Lazy::Slice { source, taken, next: following, stop, stride });
                Ok(item)
            }
            Lazy::Count { next, stride } => {
                self.set_lazy(object, Lazy::Count { next: next.saturating_add(stride), stride });
                Ok(Ok(Some(Value::Int(next))))
            }
            Lazy::Cycle { items, next } => {
                let item = items.get(next).cloned();
                let following = if next + 1 >= items.len() { 0 } else { next + 1 };
                self.set_lazy(object, Lazy::Cycle { items, next: following });
                Ok(Ok(item))
            }
            _ => Ok(Ok(None)),
        }
    }

    fn accepts(&mut self, function: &Value, item: &Value, at: At) -> Result<bool, Stop> {
        let tested = match function {
            Value::None => item.clone(),
            _ => self.call_with(function, vec![item.clone()], at)?,
        };
        self.known_truth(&tested, at)
    }

    fn known_truth(&mut self, value: &Value, at: At) -> Result<bool, Stop> {
        self.truth(value, at)
            .map_err(|why| self.limit("the next value depends on a condition that is not known", why.at))
    }

    /// The next value of what [`Self::iterator_of`] gave.
    pub(in super::super) fn next_item(&mut self, iterator: &Value, at: At) -> Result<Next, Stop> {
        match iterator {
            Value::Object(object) => self.next_of(*object, at),
            other => Ok(Err(self.why(other, at))),
        }
    }

    /// `iter(value)`; a value that is not known stays as it is.
    pub(in super::super) fn iterator_of(&mut self, value: &Value, at: At) -> Result<Value, Stop> {
        if let Value::Object(object) = value
            && matches!(self.object(*object), Object::Lazy(_))
        {
            return Ok(value.clone());
        }
        Ok(match self.iterate(value, at)? {
            Ok(items) => self.iterator(items),
            Err((why, _)) => Value::Unknown(why),
        })
    }

    /// Gives each value to `turn`, one by one: who leaves early leaves the rest for others.
    pub(in super::super) fn each_next(&mut self, object: Ref, at: At, turn: &Turn<'t, H>) -> Result<Ended, Stop> {
        loop {
            match self.next_of(object, at)? {
                Ok(Some(item)) => turn(self, item)?,
                Ok(None) => return Ok(Ok(Value::None)),
                Err(why) => {
                    let mut element = Unknown::clone(&why);
                    element.text = short(format!("each of {}", why.text));
                    element.affix = None;
                    return Ok(Err((why, element.value())));
                }
            }
        }
    }

    /// Runs a generator to its next `yield`.
    fn resume(&mut self, object: Ref, mut standing: Standing, at: At) -> Result<Next, Stop> {
        let Object::Function(function) = self.object(standing.function).clone() else { return Ok(Ok(None)) };
        if self.frames.len() >= BOUNDS.calls {
            return Err(self.limit("too many calls within calls", at));
        }
        // While it runs, nobody else can go on with it.
        self.set_lazy(object, Lazy::Left);
        let mut frame = self.frame(standing.scope, function.file, function.class, standing.receiver.clone(), at);
        frame.globals = std::mem::take(&mut standing.globals);
        frame.nonlocals = std::mem::take(&mut standing.nonlocals);
        let (conditions, rest) = (self.maybe.len(), self.rest.len());
        self.frames.push(frame);
        let ran = self.resume_block(&function.def.body, &mut standing.levels, 0);
        let frame = self.frames.pop();
        let unsure = self.maybe.get(conditions).cloned();
        self.maybe.truncate(conditions);
        self.rest.truncate(rest);
        let ran = match ran {
            // An exception ends it.
            Err(Stop::Raise(raised)) => {
                self.set_lazy(object, Lazy::Items { items: Rc::new([]), next: 0 });
                return Err(Stop::Raise(raised));
            }
            ran => ran?,
        };
        if let Some(why) = unsure {
            return Err(self.limit("the next value depends on a condition that is not known", why.at));
        }
        match ran {
            Ran::Yielded(value) => {
                if let Some(frame) = frame {
                    standing.globals = frame.globals;
                    standing.nonlocals = frame.nonlocals;
                }
                self.set_lazy(object, Lazy::Standing(Box::new(standing)));
                Ok(Ok(Some(value)))
            }
            Ran::Flow(_) => {
                self.set_lazy(object, Lazy::Items { items: Rc::new([]), next: 0 });
                Ok(Ok(None))
            }
        }
    }

    fn resume_block(&mut self, body: &[Stmt], levels: &mut Vec<Level>, depth: usize) -> Result<Ran, Stop> {
        let (mut index, mut inside) = match levels.get(depth) {
            Some(level) => (level.index, Some(level.inside.clone())),
            None => (0, None),
        };
        while let Some(stmt) = body.get(index) {
            let at = self.at(stmt.span);
            self.step(at)?;
            let resumed = inside.take();
            match self.deeper(at, |run| run.resume_statement(stmt, (index, resumed), levels, depth))? {
                Ran::Flow(Flow::Next) => {
                    levels.truncate(depth);
                    index += 1;
                }
                ran => return Ok(ran),
            }
        }
        Ok(Ran::Flow(Flow::Next))
    }

    fn resume_statement(
        &mut self,
        stmt: &Stmt,
        (index, inside): (usize, Option<Inside>),
        levels: &mut Vec<Level>,
        depth: usize,
    ) -> Result<Ran, Stop> {
        let yielded = |expr: &Expr| matches!(expr.kind, ExprKind::Yield(_));
        match (&stmt.kind, inside) {
            (StmtKind::Expr(expr), Some(Inside::Yielded)) if yielded(expr) => Ok(Ran::Flow(Flow::Next)),
            (StmtKind::Assign { targets, value }, Some(Inside::Yielded)) if yielded(value) => {
                for target in targets {
                    self.assign(target, Value::None)?;
                }
                Ok(Ran::Flow(Flow::Next))
            }
            (StmtKind::Expr(expr) | StmtKind::Assign { value: expr, .. }, None) if yielded(expr) => {
                let value = match &expr.kind {
                    ExprKind::Yield(Some(value)) => self.eval(value)?,
                    _ => Value::None,
                };
                enter(levels, depth, Level { index, inside: Inside::Yielded });
                Ok(Ran::Yielded(value))
            }
            (StmtKind::Expr(Expr { kind: ExprKind::YieldFrom(source), span }), inside) => {
                let at = self.at(*span);
                let source = if let Some(Inside::From(source)) = inside {
                    source
                } else {
                    let source = self.eval(source)?;
                    self.iterator_of(&source, at)?
                };
                match self.known_next(&source, at)? {
                    Some(value) => {
                        enter(levels, depth, Level { index, inside: Inside::From(source) });
                        Ok(Ran::Yielded(value))
                    }
                    None => Ok(Ran::Flow(Flow::Next)),
                }
            }
            (StmtKind::If { arms, orelse }, inside) => {
                let arm = if let Some(Inside::Arm(arm)) = inside {
                    arm
                } else {
                    let arm = self.taken(arms)?;
                    enter(levels, depth, Level { index, inside: Inside::Arm(arm) });
                    arm
                };
                let body = arms.get(arm).map_or(orelse, |(_, body)| body);
                self.resume_block(body, levels, depth + 1)
            }
            (StmtKind::For(repeated), inside) => self.resume_for(repeated, (index, inside), levels, depth),
            (StmtKind::While { test, body, orelse }, inside) => {
                let mut resumed = matches!(inside, Some(Inside::Turn));
                if !matches!(inside, Some(Inside::Else)) {
                    loop {
                        if !resumed {
                            let tested = self.eval(test)?;
                            if !self.known_truth(&tested, self.at(test.span))? {
                                break;
                            }
                            enter(levels, depth, Level { index, inside: Inside::Turn });
                        }
                        resumed = false;
                        self.step(self.at(test.span))?;
                        match self.resume_block(body, levels, depth + 1)? {
                            Ran::Flow(Flow::Next | Flow::Continue) => {}
                            Ran::Flow(Flow::Break) => return Ok(Ran::Flow(Flow::Next)),
                            ran => return Ok(ran),
                        }
                    }
                    enter(levels, depth, Level { index, inside: Inside::Else });
                }
                self.resume_block(orelse, levels, depth + 1)
            }
            _ => Ok(Ran::Flow(self.statement(stmt)?)),
        }
    }

    fn resume_for(
        &mut self,
        repeated: &For,
        (index, inside): (usize, Option<Inside>),
        levels: &mut Vec<Level>,
        depth: usize,
    ) -> Result<Ran, Stop> {
        let at = self.at(repeated.iter.span);
        let (source, mut resumed) = match inside {
            Some(Inside::Else) => return self.resume_block(&repeated.orelse, levels, depth + 1),
            Some(Inside::For(source)) => (source, true),
            _ => {
                let source = self.eval(&repeated.iter)?;
                (self.iterator_of(&source, at)?, false)
            }
        };
        loop {
            if !resumed {
                let Some(item) = self.known_next(&source, at)? else { break };
                self.assign(&repeated.target, item)?;
                enter(levels, depth, Level { index, inside: Inside::For(source.clone()) });
            }
            resumed = false;
            match self.resume_block(&repeated.body, levels, depth + 1)? {
                Ran::Flow(Flow::Next | Flow::Continue) => {}
                Ran::Flow(Flow::Break) => return Ok(Ran::Flow(Flow::Next)),
                ran => return Ok(ran),
            }
        }
        enter(levels, depth, Level { index, inside: Inside::Else });
        self.resume_block(&repeated.orelse, levels, depth + 1)
    }

    /// Which arm of an `if` is taken; their number for the `else`.
    fn taken(&mut self, arms: &[(Expr, Vec<Stmt>)]) -> Result<usize, Stop> {
        for (arm, (test, _)) in arms.iter().enumerate() {
            let tested = self.eval(test)?;
            if self.known_truth(&tested, self.at(test.span))? {
                return Ok(arm);
            }
        }
        Ok(arms.len())
    }

    fn known_next(&mut self, source: &Value, at: At) -> Result<Option<Value>, Stop> {
        let next = self.next_item(source, at)?;
        next.map_err(|why| self.limit("the next value depends on something that is not known", why.at))
    }

    /// Runs a generator expression to its next value.
    fn resume_loops(&mut self, object: Ref, mut looping: Looping, at: At) -> Result<Next, Stop> {
        if self.frames.len() >= BOUNDS.calls {
            return Err(self.limit("too many calls within calls", at));
        }
        self.set_lazy(object, Lazy::Left);
        let context = looping.context.clone();
        let frame = self.frame(looping.scope, context.file, context.class, context.receiver, at);
        self.frames.push(frame);
        let next = self.next_element(&mut looping, at);
        self.frames.pop();
        let next = next?;
        match &next {
            Ok(Some(_)) => self.set_lazy(object, Lazy::Looping(Box::new(looping))),
            Ok(None) => self.set_lazy(object, Lazy::Items { items: Rc::new([]), next: 0 }),
            Err(_) => {}
        }
        Ok(next)
    }

    fn next_element(&mut self, looping: &mut Looping, at: At) -> Result<Next, Stop> {
        let all = looping.comprehension.clone();
        'items: while let Some((clause, source)) = looping.levels.last().cloned() {
            self.step(at)?;
            let item = match self.next_item(&source, at)? {
                Ok(Some(item)) => item,
                Ok(None) => {
                    looping.levels.pop();
                    continue;
                }
                Err(why) => {
                    // Any number of elements, of which only what one would be is known.
                    looping.levels.pop();
                    let one = Value::Unknown(why.clone());
                    return self
                        .unsure_element(looping, why, at, |run, emit| run.clauses(&all, clause, Some(one), emit));
                }
            };
            if let Some(Clause::For(target, _)) = all.clauses.get(clause) {
                self.assign(target, item)?;
            }
            for (index, clause) in all.clauses.iter().enumerate().skip(clause + 1) {
                match clause {
                    Clause::If(test) => {
                        let tested = self.eval(test)?;
                        match self.truth(&tested, self.at(test.span)) {
                            Ok(true) => {}
                            Ok(false) => continue 'items,
                            Err(why) => {
                                return self.unsure_element(looping, why, at, |run, emit| {
                                    run.clauses(&all, index + 1, None, emit)
                                });
                            }
                        }
                    }
                    Clause::For(_, iter) => {
                        let source = self.eval(iter)?;
                        let source = self.iterator_of(&source, at)?;
                        looping.levels.push((index, source));
                        continue 'items;
                    }
                }
            }
            return self.eval(&all.element).map(|value| Ok(Some(value)));
        }
        Ok(Ok(None))
    }

    /// The next element is that of `this`, or any after it, or there is none: all that may still
    /// be evaluated for it is run as what may happen.
    fn unsure_element(
        &mut self,
        looping: &mut Looping,
        mut why: Rc<Unknown>,
        at: At,
        this: impl FnOnce(&mut Self, &Emit<'t, H>) -> Result<(), Stop>,
    ) -> Result<Next, Stop> {
        let found: Rc<RefCell<Vec<Value>>> = Rc::default();
        let elements = found.clone();
        let emit: Emit<'t, H> = Rc::new(move |_, element, _, _| {
            elements.borrow_mut().push(element);
            Ok(())
        });
        let outcome = self.branch(&why, |run| {
            this(run, &emit)?;
            while !looping.levels.is_empty() {
                match run.next_element(looping, at)? {
                    Ok(Some(element)) => found.borrow_mut().push(element),
                    Ok(None) => break,
                    Err(rest) => {
                        found.borrow_mut().push(Value::Unknown(rest));
                        break;
                    }
                }
            }
            Ok(Flow::Next)
        })?;
        self.join(outcome.into_iter().collect(), true, Join::Repeated, &why);
        let found = found.take();
        let texts: Vec<_> = found.iter().map(|element| self.text(element)).collect();
        let hosts = self.hosts_in_all(&found);
        let unknown = Rc::make_mut(&mut why);
        unknown.text = short(format!("the next of ({}) by {}", texts.join(", "), unknown.text));
        (unknown.hosts, unknown.root, unknown.affix, unknown.home, unknown.tail) = (hosts, None, None, false, None);
        Ok(Err(why))
    }
}

/// Goes into a statement: what was inside another one before is left.
fn enter(levels: &mut Vec<Level>, depth: usize, level: Level) {
    levels.truncate(depth);
    levels.push(level);
}
