//! What is iterated once: generators, generator expressions, `map`, `filter`, `enumerate`.
//!
//! A generator does not stand still between two values as Python's does: it is run once, and
//! each `yield` runs the consumer's turn in the consumer's own frame. So everything happens in
//! Python's order. A consumer that leaves early closes it ([`Stop::Close`]); who asks for one
//! value at a time is served by `step`.

mod step;

use super::iterate::Items;
use super::{BOUNDS, Consumer, Flow, Frame, Host, Interp};
use crate::python::syntax::{Clause, Comprehension};
use crate::python::value::{At, Context, Lazy, Object, Ref, ScopeRef, Stop, Unknown, Value, short};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What is done with each value.
pub(super) type Turn<'t, H> = Rc<dyn Fn(&mut Interp<'t, H>, Value) -> Result<(), Stop> + 't>;

/// The value that the generator returns, or why its items are not known and what one would be.
pub(super) type Ended = Result<Value, (Rc<Unknown>, Value)>;

impl<'t, H: Host> Interp<'t, H> {
    pub(super) fn token(&mut self) -> usize {
        self.tokens += 1;
        self.tokens
    }

    /// Gives each item of an iterable to `turn`, when Python would.
    pub(super) fn each(&mut self, value: &Value, at: At, turn: &Turn<'t, H>) -> Result<Ended, Stop> {
        if let Value::Object(object) = value {
            match self.object(*object) {
                Object::Lazy(_) => return self.run_lazy(*object, at, turn),
                // A list that grows meanwhile is iterated to its new end.
                Object::List(_) if self.hazy(*object).is_none() => {
                    let mut index = 0;
                    while let Object::List(items) = self.object(*object)
                        && let Some(item) = items.items.get(index).cloned()
                    {
                        self.step(at)?;
                        turn(self, item)?;
                        index += 1;
                    }
                    return Ok(Ok(Value::None));
                }
                _ => {}
            }
        }
        match self.iterate(value, at)? {
            Ok(items) => {
                for item in items {
                    turn(self, item)?;
                }
                Ok(Ok(Value::None))
            }
            Err(unknown) => Ok(Err(unknown)),
        }
    }

    /// How many items an iterable will give, where that is known before; else 0.
    pub(super) fn count_of(&self, value: &Value) -> usize {
        let Value::Object(object) = value else { return 0 };
        match self.object(*object) {
            Object::Lazy(Lazy::Enumerate { source, .. } | Lazy::Map { source, .. }) => match source {
                Value::Object(inner) if inner.0 >= object.0 => 0,
                source => self.count_of(source),
            },
            Object::Lazy(Lazy::Items { items, next }) => items.len() - next,
            Object::Dict(dict) => dict.len(),
            _ => self.items(value).map_or(0, <[Value]>::len),
        }
    }

    /// All that is left of something lazy.
    pub(super) fn collect(&mut self, object: Ref, at: At) -> Result<Items, Stop> {
        let found: Rc<RefCell<Vec<Value>>> = Rc::default();
        let doubt: Rc<RefCell<Option<Rc<Unknown>>>> = Rc::default();
        let conditions = self.maybe.len();
        let (items, unknown) = (found.clone(), doubt.clone());
        let turn: Turn<'t, H> = Rc::new(move |run, item| {
            let mut items = items.borrow_mut();
            if items.len() >= BOUNDS.size {
                return Err(run.limit("a list too long to evaluate", at));
            }
            items.push(item);
            if let Some(why) = run.maybe.get(conditions) {
                *unknown.borrow_mut() = Some(why.clone());
            }
            Ok(())
        });
        let ended = self.run_lazy(object, at, &turn)?;
        let items = found.take();
        let why = match (ended, doubt.take()) {
            (Ok(_), None) => return Ok(Ok(items)),
            (Err((why, _)), _) | (Ok(_), Some(why)) => why,
        };
        let mut why = Unknown::clone(&why);
        why.hosts = self.hosts_in_all(&items);
        why.affix = None;
        let mut element = why.clone();
        element.text = short(format!("each of {}", why.text));
        Ok(Err((Rc::new(why), element.value())))
    }

    pub(super) fn set_lazy(&mut self, object: Ref, state: Lazy) {
        if let Object::Lazy(lazy) = self.change(object) {
            *lazy = state;
        }
    }

    fn run_lazy(&mut self, object: Ref, at: At, turn: &Turn<'t, H>) -> Result<Ended, Stop> {
        let Object::Lazy(lazy) = self.object(object).clone() else { return Ok(Ok(Value::None)) };
        if let Some(why) = self.hazy(object) {
            return Ok(Err((why.clone(), Value::Unknown(why))));
        }
        if let Lazy::Items { .. } = &lazy {
            // The turn may take further ones.
            while let Object::Lazy(Lazy::Items { items, next }) = self.object(object)
                && let Some(item) = items.get(*next).cloned()
            {
                let (items, next) = (items.clone(), next + 1);
                self.set_lazy(object, Lazy::Items { items, next });
                self.step(at)?;
                turn(self, item)?;
            }
            return match self.hazy(object) {
                Some(why) => Ok(Err((why.clone(), Value::Unknown(why)))),
                None => Ok(Ok(Value::None)),
            };
        }
        if is_stepped(&lazy) {
            return self.each_next(object, at, turn);
        }
        self.set_lazy(object, Lazy::Left);
        let ended = match lazy {
            Lazy::Call { function, scope, receiver } => self.run_generator((function, scope, receiver), at, turn),
            Lazy::Expression { comprehension, first, context } => {
                self.run_expression(&comprehension, first, *context, at, turn)
            }
            Lazy::Enumerate { source, start } => {
                let index = RefCell::new(start);
                let turn = turn.clone();
                let numbered: Turn<'t, H> = Rc::new(move |run, item| {
                    let number = index.replace_with(|index| index.saturating_add(1));
                    let pair = run.new_tuple(vec![Value::Int(number), item]);
                    turn(run, pair)
                });
                self.each(&source, at, &numbered)
            }
            Lazy::Map { function, source } => {
                let (turn, callee) = (turn.clone(), function.clone());
                let mapped: Turn<'t, H> = Rc::new(move |run, item| {
                    let value = run.call_with(&callee, vec![item], at)?;
                    turn(run, value)
                });
                match self.each(&source, at, &mapped)? {
                    Ok(value) => Ok(Ok(value)),
                    Err((why, element)) => {
                        let made = self.perhaps_with(&function, element, &why, at)?;
                        Ok(Err((why, made)))
                    }
                }
            }
            Lazy::Filter { function, source } => {
                let (turn, callee) = (turn.clone(), function.clone());
                let kept: Turn<'t, H> = Rc::new(move |run, item| {
                    let tested = match callee {
                        Value::None => item.clone(),
                        _ => run.call_with(&callee, vec![item.clone()], at)?,
                    };
                    let tested = run.condition(&tested, at)?;
                    match run.truth(&tested, at) {
                        Ok(true) => turn(run, item),
                        Ok(false) => Ok(()),
                        Err(why) => {
                            let outcome = run.branch(&why, |run| turn(run, item).map(|()| Flow::Next))?;
                            run.join(outcome.into_iter().collect(), true, super::branch::Join::OneOf, &why);
                            Ok(())
                        }
                    }
                });
                match self.each(&source, at, &kept)? {
                    Err((why, element)) if !matches!(function, Value::None) => {
                        self.perhaps_with(&function, element.clone(), &why, at)?;
                        Ok(Err((why, element)))
                    }
                    ended => Ok(ended),
                }
            }
            Lazy::Left => {
                let why =
                    Rc::new(Unknown::new("an iterator that was left before its end is not followed", at, "iterator"));
                return Ok(Err((why.clone(), Value::Unknown(why))));
            }
            _ => Ok(Ok(Value::None)),
        };
        if ended.is_ok() {
            self.set_lazy(object, Lazy::Items { items: Rc::new([]), next: 0 });
        }
        ended
    }

    /// Runs a function for each of any number of elements, of which only what one would be is known;
    /// gives what one result would be.
    fn perhaps_with(&mut self, function: &Value, element: Value, why: &Rc<Unknown>, at: At) -> Result<Value, Stop> {
        let mut made = Value::None;
        let outcome = self.branch(why, |run| {
            made = run.call_with(function, vec![element], at)?;
            Ok(Flow::Next)
        })?;
        self.join(outcome.into_iter().collect(), true, super::branch::Join::Repeated, why);
        let mut one = Unknown::clone(why);
        one.text = short(format!("each of {}", why.text));
        (one.affix, one.tail) = (None, None);
        one.hosts = self.hosts_in(&made);
        Ok(one.value())
    }

    fn run_generator(
        &mut self,
        (function, scope, receiver): (Ref, ScopeRef, Option<Value>),
        at: At,
        turn: &Turn<'t, H>,
    ) -> Result<Ended, Stop> {
        let Object::Function(function) = self.object(function).clone() else { return Ok(Ok(Value::None)) };
        let frame = self.frame(scope, function.file, function.class, receiver, at);
        self.consume(frame, turn, at, |run| {
            Ok(match run.block(&function.def.body)? {
                Flow::Return(value) => Ok(value),
                _ => Ok(Value::None),
            })
        })
    }

    fn run_expression(
        &mut self,
        comprehension: &Rc<Comprehension>,
        first: Value,
        context: Context,
        at: At,
        turn: &Turn<'t, H>,
    ) -> Result<Ended, Stop> {
        let scope = self.comprehension_scope(context.scope);
        let frame = self.frame(scope, context.file, context.class, context.receiver, at);
        self.consume(frame, turn, at, |run| {
            let emit: Emit<'t, H> = Rc::new(|run, item, _, _| run.give(item));
            run.clauses(comprehension, 0, Some(first), &emit)?;
            Ok(Ok(Value::None))
        })
    }

    pub(super) fn frame(
        &self,
        scope: ScopeRef,
        file: usize,
        class: Option<Ref>,
        receiver: Option<Value>,
        called_at: At,
    ) -> Frame {
        let _ = self;
        Frame {
            scope,
            file,
            class,
            receiver,
            globals: BTreeSet::new(),
            nonlocals: BTreeSet::new(),
            returns: Vec::new(),
            fields: Vec::new(),
            annotated: BTreeMap::new(),
            called_at,
        }
    }

    fn consume(
        &mut self,
        frame: Frame,
        turn: &Turn<'t, H>,
        at: At,
        work: impl FnOnce(&mut Self) -> Result<Ended, Stop>,
    ) -> Result<Ended, Stop> {
        if self.frames.len() >= BOUNDS.calls {
            return Err(self.limit("too many calls within calls", at));
        }
        let home = self.frames.len();
        let (conditions, rest) = (self.maybe.len(), self.rest.len());
        self.frames.push(frame);
        self.consumers.push(Consumer { generator: home + 1, home, turn: turn.clone() });
        let result = work(self);
        self.consumers.pop();
        self.frames.pop();
        self.maybe.truncate(conditions);
        self.rest.truncate(rest);
        result
    }

    /// `yield`: the consumer's turn, in the consumer's frame.
    pub(super) fn give(&mut self, value: Value) -> Result<(), Stop> {
        let depth = self.frames.len();
        let Some(index) = self.consumers.iter().rposition(|consumer| consumer.generator == depth) else {
            return Err(
                self.limit("a `yield` within an expression is not followed", self.at(crate::content::Span::FILE))
            );
        };
        let (home, turn) = (self.consumers[index].home, self.consumers[index].turn.clone());
        let frames = self.frames.split_off(home);
        let consumers = self.consumers.split_off(index);
        let result = turn(self, value);
        self.consumers.truncate(index);
        self.consumers.extend(consumers);
        self.frames.truncate(home);
        self.frames.extend(frames);
        result
    }

    /// `yield from`.
    pub(super) fn give_all(&mut self, value: &Value, at: At) -> Result<Value, Stop> {
        let turn: Turn<'t, H> = Rc::new(Self::give);
        match self.each(value, at, &turn)? {
            Ok(value) => Ok(value),
            Err((why, element)) => {
                let outcome = self.branch(&why, |run| run.give(element).map(|()| Flow::Next))?;
                self.join(outcome.into_iter().collect(), true, super::branch::Join::Repeated, &why);
                Ok(why.as_ref().clone().value())
            }
        }
    }

    // --- comprehensions ---

    /// A scope for a comprehension that stands in `outer`.
    pub(super) fn comprehension_scope(&mut self, outer: ScopeRef) -> ScopeRef {
        let mut parent = outer;
        while self.scopes[parent.0].class_body {
            match self.scopes[parent.0].parent {
                Some(next) => parent = next,
                None => break,
            }
        }
        let scope = self.new_scope(Some(parent), false);
        self.scopes[scope.0].comprehension = true;
        scope
    }

    /// Runs the clauses of a comprehension from `index` on; `first` is the value of the first
    /// iterable, where that is known already.
    pub(super) fn clauses(
        &mut self,
        all: &Rc<Comprehension>,
        index: usize,
        first: Option<Value>,
        emit: &Emit<'t, H>,
    ) -> Result<(), Stop> {
        let Some(clause) = all.clauses.get(index) else {
            let at = self.at(all.element.span);
            self.step(at)?;
            let item = self.eval(&all.element)?;
            let value = match &all.value {
                Some(value) => self.eval(value)?,
                None => Value::None,
            };
            return emit(self, item, value, at);
        };
        match clause {
            Clause::For(_, iter) => {
                let at = self.at(iter.span);
                let iterable = match first {
                    Some(value) => value,
                    None => self.eval(iter)?,
                };
                let (inner, emit) = (all.clone(), emit.clone());
                let (turns, count) = (RefCell::new(0), self.count_of(&iterable));
                let turn: Turn<'t, H> = Rc::new(move |run, item| {
                    let mark = run.mark();
                    if let Some(Clause::For(target, iter)) = inner.clauses.get(index) {
                        *turns.borrow_mut() += 1;
                        let turn = *turns.borrow();
                        run.turn(target, iter, (turn, turn.max(count)), &item);
                        run.assign(target, item)?;
                    }
                    run.clauses(&inner, index + 1, None, &emit)?;
                    run.unwind(mark);
                    Ok(())
                });
                if let Err((why, item)) = self.each(&iterable, at, &turn)? {
                    let outcome = self.branch(&why, |run| turn(run, item).map(|()| Flow::Next))?;
                    self.join(outcome.into_iter().collect(), true, super::branch::Join::Repeated, &why);
                }
                Ok(())
            }
            Clause::If(test) => {
                let tested = self.eval(test)?;
                let tested = self.condition(&tested, self.at(test.span))?;
                match self.truth(&tested, self.at(test.span)) {
                    Ok(true) => self.clauses(all, index + 1, None, emit),
                    Ok(false) => Ok(()),
                    Err(why) => {
                        let outcome =
                            self.branch(&why, |run| run.clauses(all, index + 1, None, emit).map(|()| Flow::Next))?;
                        self.join(outcome.into_iter().collect(), true, super::branch::Join::OneOf, &why);
                        Ok(())
                    }
                }
            }
        }
    }
}

/// What is done with each element of a comprehension: the element, for a dict its value, and
/// where it is written.
pub(super) type Emit<'t, H> = Rc<dyn Fn(&mut Interp<'t, H>, Value, Value, At) -> Result<(), Stop> + 't>;

/// What gives its values one by one.
fn is_stepped(lazy: &Lazy) -> bool {
    matches!(
        lazy,
        Lazy::Standing(_)
            | Lazy::Looping(_)
            | Lazy::Zip { .. }
            | Lazy::Slice { .. }
            | Lazy::TakeWhile { .. }
            | Lazy::Count { .. }
            | Lazy::Cycle { .. }
    )
}

/// Whether a generator may stand inside a `with` or a `try` while it waits.
pub(super) fn holds_open(body: &[crate::python::syntax::Stmt]) -> bool {
    use crate::python::syntax::StmtKind;
    body.iter().any(|stmt| match &stmt.kind {
        StmtKind::With(_) | StmtKind::Try { .. } => true,
        StmtKind::For(repeated) => holds_open(&repeated.body),
        StmtKind::While { body, .. } => holds_open(body),
        StmtKind::If { arms, orelse } => holds_open(orelse) || arms.iter().any(|(_, body)| holds_open(body)),
        _ => false,
    })
}
