//! Statements.

use super::branch::Join;
use super::lazy::Turn;
use super::record::leaves;
use super::with::Pushed;
use super::{BOUNDS, Flow, Host, Interp};
use crate::python::syntax::{Expr, ExprKind, For, Stmt, StmtKind};
use crate::python::value::{Annotation, At, FunctionObject, Lazy, Object, Stop, Unknown, Value, short};
use crate::switch;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

impl<'t, H: Host> Interp<'t, H> {
    pub(super) fn block(&mut self, body: &[Stmt]) -> Result<Flow, Stop> {
        let mark = self.mark();
        let flow = self.statements(body);
        self.unwind(mark);
        flow
    }

    fn statements(&mut self, body: &[Stmt]) -> Result<Flow, Stop> {
        for stmt in body {
            match self.statement(stmt)? {
                Flow::Next => {}
                flow => return Ok(flow),
            }
        }
        Ok(Flow::Next)
    }

    pub(super) fn statement(&mut self, stmt: &Stmt) -> Result<Flow, Stop> {
        let at = self.at(stmt.span);
        self.step(at)?;
        self.no_source();
        self.deeper(at, |interp| interp.statement_kind(stmt, at))
    }

    fn statement_kind(&mut self, stmt: &Stmt, at: At) -> Result<Flow, Stop> {
        if switch::off(stmt.kind.construct()) {
            return Ok(Flow::Next);
        }
        match &stmt.kind {
            StmtKind::Expr(expr) => {
                let value = self.eval(expr)?;
                if !matches!(expr.kind, ExprKind::Str(_) | ExprKind::Ellipsis) {
                    H::stands_alone(self, &value, at);
                }
            }
            StmtKind::Assign { targets, value } => {
                let source = value.span;
                let value = self.eval(value)?;
                self.source(source);
                for target in targets {
                    self.assign(target, value.clone())?;
                }
            }
            StmtKind::Annotated { target, annotation, value } => match value {
                Some(value) => {
                    let source = value.span;
                    let value = self.eval(value)?;
                    self.source(source);
                    self.declare(target, annotation);
                    self.assign(target, value)?;
                }
                None => self.declare(target, annotation),
            },
            StmtKind::Augmented { target, op, value } => self.augmented(target, *op, value, at)?,
            StmtKind::Return(value) => {
                let value = match value {
                    Some(expr) => {
                        let value = self.eval(expr)?;
                        self.returning(expr.span);
                        value
                    }
                    None => Value::None,
                };
                return Ok(Flow::Return(value));
            }
            StmtKind::Raise(value) => return Err(self.raised(value.as_ref(), at)?),
            StmtKind::If { arms, orelse } => return self.if_statement(arms, orelse),
            StmtKind::For(repeated) => return self.for_statement(repeated),
            StmtKind::While { test, body, orelse } => return self.while_statement(test, body, orelse),
            StmtKind::Try { body, handlers, orelse, finally } => {
                return self.try_statement(body, handlers, orelse, finally);
            }
            StmtKind::With(with) => return self.with_statement(with, 0),
            StmtKind::Function { def, decorators } => {
                let function = self.define(def)?;
                let value = self.decorate(function, decorators)?;
                self.set_name(&def.name, value);
            }
            StmtKind::Class { def, decorators } => {
                let class = self.define_class(def, at)?;
                let value = self.decorate(class, decorators)?;
                self.set_name(&def.name, value);
            }
            StmtKind::Import(names) => self.import(names, at)?,
            StmtKind::ImportFrom { level, module, names, star } => {
                self.import_from(*level, module, names, *star, at)?;
            }
            StmtKind::Global(names) => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.globals.extend(names.iter().cloned());
                }
            }
            StmtKind::Nonlocal(names) => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.nonlocals.extend(names.iter().cloned());
                }
            }
            StmtKind::Pass => {}
            StmtKind::Break => return Ok(Flow::Break),
            StmtKind::Continue => return Ok(Flow::Continue),
            StmtKind::Delete(targets) => self.delete(targets)?,
            StmtKind::Assert(parts) => self.assert(parts, at)?,
            StmtKind::Match { subject, cases } => return self.match_statement(subject, cases, at),
            StmtKind::TypeAlias(name, _) => {
                if let ExprKind::Name(name) = &name.kind {
                    let value = Unknown::new("a type alias", at, &**name).value();
                    self.set_name(name, value);
                }
            }
        }
        Ok(Flow::Next)
    }

    /// A data class reads its fields from the annotations of its body.
    fn declare(&mut self, target: &Expr, annotation: &Expr) {
        let annotation = match &annotation.kind {
            ExprKind::Subscript(object, _) => object,
            _ => annotation,
        };
        if let (ExprKind::Name(name), Some(frame)) = (&target.kind, self.frames.last_mut())
            && self.scopes[frame.scope.0].class_body
            && crate::python::value::last_name(annotation) != Some("ClassVar")
        {
            let kind = match crate::python::value::last_name(annotation) {
                Some("InitVar") => Annotation::InitOnly,
                Some("KW_ONLY") => Annotation::KeywordsFollow,
                _ => Annotation::Field,
            };
            frame.annotated.insert(name.clone(), kind);
            if !frame.fields.contains(name) {
                frame.fields.push(name.clone());
            }
        }
    }

    pub(super) fn define(&mut self, def: &Rc<crate::python::syntax::Function>) -> Result<Value, Stop> {
        let mut defaults = Vec::new();
        for parameter in &def.parameters {
            defaults.push(match &parameter.default {
                Some(default) => Some(self.eval(default)?),
                None => None,
            });
        }
        let Some(frame) = self.frames.last() else { return Ok(Value::None) };
        let (scope, file, class) = (frame.scope, frame.file, frame.class);
        Ok(self.new_object(Object::Function(FunctionObject {
            def: def.clone(),
            scope,
            defaults,
            file,
            class,
            wraps: None,
            wrapped: None,
            attributes: BTreeMap::new(),
        })))
    }

    fn decorate(&mut self, value: Value, decorators: &[Expr]) -> Result<Value, Stop> {
        let mut callees = Vec::new();
        for decorator in decorators {
            callees.push((self.eval(decorator)?, self.at(decorator.span)));
        }
        let mut value = value;
        for (callee, at) in callees.into_iter().rev() {
            value = self.apply_decorator(&callee, value, at)?;
        }
        Ok(value)
    }

    fn augmented(
        &mut self,
        target: &Expr,
        op: crate::python::syntax::BinaryOp,
        value: &Expr,
        at: At,
    ) -> Result<(), Stop> {
        let old = self.eval(target)?;
        let right = self.eval(value)?;
        if let Value::Object(object) = &old
            && op == crate::python::syntax::BinaryOp::Add
            && matches!(self.object(*object), Object::List(_))
        {
            self.extend_list(*object, &right, at)?;
            // Only an element of something fixed cannot be set to what it is.
            if let ExprKind::Subscript(holder, _) = &target.kind
                && matches!(holder.kind, ExprKind::Name(_))
                && let Value::Object(holder) = self.eval(holder)?
                && matches!(self.object(holder), Object::Tuple(_))
            {
                return self.assign(target, old);
            }
            return Ok(());
        }
        if self.is_counter(&old) {
            self.count_in_place(op, &old, &right, at);
            return Ok(());
        }
        let new = match self.operator_in_place(op, &old, &right, at)? {
            Some(new) => new,
            None => self.binary(op, &old, &right, at)?,
        };
        self.assign(target, new)
    }

    fn if_statement(&mut self, arms: &[(Expr, Vec<Stmt>)], orelse: &[Stmt]) -> Result<Flow, Stop> {
        let Some(((test, body), rest)) = arms.split_first() else { return self.block(orelse) };
        if is_main_guard(test) {
            return self.if_statement(rest, orelse);
        }
        let value = self.eval(test)?;
        let value = self.condition(&value, self.at(test.span))?;
        match self.truth(&value, self.at(test.span)) {
            Ok(true) => {
                let mark = self.mark();
                self.tested(test, true);
                let flow = self.block(body);
                self.unwind(mark);
                flow
            }
            Ok(false) => {
                let mark = self.mark();
                self.tested(test, false);
                let flow = self.if_statement(rest, orelse);
                // `if …: continue` decides about the rest of the block.
                if !leaves(body) {
                    self.unwind(mark);
                }
                flow
            }
            Err(why) => {
                let mut outcomes = Vec::new();
                outcomes.extend(self.branch(&why, |interp| interp.block(body))?);
                outcomes.extend(self.branch(&why, |interp| interp.if_statement(rest, orelse))?);
                if outcomes.is_empty() {
                    return self.raise("Exception", "every branch raises", why.at);
                }
                Ok(self.join(outcomes, false, Join::OneOf, &why))
            }
        }
    }

    fn for_statement(&mut self, repeated: &Rc<For>) -> Result<Flow, Stop> {
        let at = self.at(repeated.iter.span);
        let iterable = self.eval(&repeated.iter)?;
        let before = (self.maybe.len(), self.rest.len(), self.loose.len());
        let token = self.token();
        let left: Rc<RefCell<Option<Result<Flow, Stop>>>> = Rc::default();
        let pushed: Rc<RefCell<Pushed>> = Rc::default();
        let turns = Rc::new(RefCell::new(0));
        let count = self.count_of(&iterable);
        let lazy = match &iterable {
            Value::Object(object) => matches!(self.object(*object), Object::Lazy(_)),
            _ => false,
        };
        let (inner, outcome, noted) = (repeated.clone(), left.clone(), pushed.clone());
        let turn: Turn<'t, H> = Rc::new(move |run, item| {
            *turns.borrow_mut() += 1;
            if *turns.borrow() > BOUNDS.turns {
                return Err(run.limit("too many turns of a loop", at));
            }
            let (before, rest_before) = (run.maybe.len(), run.rest.len());
            let mark = run.mark();
            let turn = *turns.borrow();
            run.turn(&inner.target, &inner.iter, (turn, turn.max(count)), &item);
            run.assign(&inner.target, item)?;
            let ended = run.block(&inner.body);
            run.unwind(mark);
            if lazy {
                noted.borrow_mut().note(run, before, rest_before);
            }
            match ended {
                Ok(Flow::Next | Flow::Continue) => Ok(()),
                // The exception is none of the generator's.
                Err(Stop::Raise(raised)) if !lazy => Err(Stop::Raise(raised)),
                Ok(_) | Err(Stop::Raise(_)) => {
                    *outcome.borrow_mut() = Some(ended);
                    Err(Stop::Close(token))
                }
                Err(stop) => Err(stop),
            }
        });
        let result = match &iterable {
            Value::Object(object) if lazy && self.may_go_on(*object, repeated) => self.each_next(*object, at, &turn),
            _ => self.each(&iterable, at, &turn),
        };
        self.push_again(&pushed.borrow());
        match result {
            Ok(Ok(_)) => {
                self.end_loop(before);
                self.block(&repeated.orelse)
            }
            Err(Stop::Close(closed)) if closed == token => match left.take() {
                Some(Ok(Flow::Break)) | None => {
                    self.end_loop(before);
                    Ok(Flow::Next)
                }
                Some(ended) => ended,
            },
            Err(stop) => Err(stop),
            Ok(Err((why, element))) => {
                let outcome = self.branch(&why, |interp| {
                    interp.assign(&repeated.target, element)?;
                    Ok(match interp.block(&repeated.body)? {
                        flow @ Flow::Return(_) => flow,
                        _ => Flow::Next,
                    })
                })?;
                match self.join(outcome.into_iter().collect(), true, Join::Repeated, &why) {
                    Flow::Next => self.block(&repeated.orelse),
                    flow => Ok(flow),
                }
            }
        }
    }

    /// Whether others may go on with a generator that this loop leaves: it has a name.
    fn may_go_on(&self, object: crate::python::value::Ref, repeated: &For) -> bool {
        let open = match self.object(object) {
            Object::Lazy(Lazy::Call { function, .. }) => match self.object(*function) {
                Object::Function(function) => super::lazy::holds_open(&function.def.body),
                _ => true,
            },
            _ => false,
        };
        matches!(repeated.iter.kind, ExprKind::Name(_)) && !open && may_leave(&repeated.body)
    }

    /// After a loop, a `break` or `continue` that may have happened decides nothing more than what
    /// the names are that were set after it.
    fn end_loop(&mut self, (conditions, rest, loose): (usize, usize, usize)) {
        if let Some(why) = self.rest.get(rest).cloned() {
            let names: BTreeSet<_> = self.loose.get(loose..).unwrap_or_default().iter().cloned().collect();
            for (scope, name) in names {
                let value = self.names(scope).get(&name).cloned();
                let mut unknown = Unknown { affix: None, tail: None, ..Unknown::clone(&why) };
                unknown.text = short(format!("{name}@{}", why.text));
                unknown.hosts = value.map(|value| self.hosts_in(&value)).unwrap_or_default();
                self.set_in(scope, &name, unknown.value());
            }
        }
        if self.frames.last().is_some_and(|frame| frame.returns.is_empty()) {
            self.maybe.truncate(conditions);
            self.rest.truncate(rest);
        }
    }

    fn while_statement(&mut self, test: &Expr, body: &[Stmt], orelse: &[Stmt]) -> Result<Flow, Stop> {
        /// Once a `break` may have happened, turns say nothing more for certain: enough of them to see
        /// a loop over a short queue end.
        const UNSURE_TURNS: usize = 100;
        let at = self.at(test.span);
        let before = (self.maybe.len(), self.rest.len(), self.loose.len());
        let mut unsure = 0;
        for _ in 0..BOUNDS.turns {
            unsure += usize::from(self.maybe.len() > before.0);
            if unsure > UNSURE_TURNS {
                return Err(self.limit("a loop that ends by a condition that is not known", at));
            }
            if unsure > 0 && matches!(test.kind, ExprKind::True | ExprKind::Int(_)) {
                // Nothing but that `break` ends it: any number of turns may follow, each with
                // other values than this one.
                let why = self.maybe.get(before.0).cloned();
                let why = why.unwrap_or_else(|| Rc::new(Unknown::new("a loop that may end", at, "loop")));
                for _ in 0..2 {
                    self.perhaps(body, &why)?;
                }
                self.end_loop(before);
                return Ok(Flow::Next);
            }
            let value = self.eval(test)?;
            let value = self.condition(&value, at)?;
            match self.truth(&value, at) {
                Ok(true) => match self.block(body)? {
                    Flow::Next | Flow::Continue => {}
                    Flow::Break => {
                        self.end_loop(before);
                        return Ok(Flow::Next);
                    }
                    flow @ Flow::Return(_) => return Ok(flow),
                },
                Ok(false) => {
                    self.end_loop(before);
                    return self.block(orelse);
                }
                Err(why) => {
                    return self.perhaps(body, &why);
                }
            }
        }
        Err(self.limit("too many turns of a loop", at))
    }

    /// Runs the body of a loop as something that happens any number of times.
    fn perhaps(&mut self, body: &[Stmt], why: &Rc<Unknown>) -> Result<Flow, Stop> {
        let outcome = self.branch(why, |interp| {
            Ok(match interp.block(body)? {
                flow @ Flow::Return(_) => flow,
                _ => Flow::Next,
            })
        })?;
        Ok(self.join(outcome.into_iter().collect(), true, Join::Repeated, why))
    }
}

/// Whether a block has a `break` or `return` in it.
fn may_leave(body: &[Stmt]) -> bool {
    body.iter().any(|stmt| match &stmt.kind {
        StmtKind::Break | StmtKind::Return(_) => true,
        StmtKind::If { arms, orelse } => may_leave(orelse) || arms.iter().any(|(_, body)| may_leave(body)),
        StmtKind::For(repeated) => may_leave(&repeated.body) || may_leave(&repeated.orelse),
        StmtKind::While { body, orelse, .. } => may_leave(body) || may_leave(orelse),
        StmtKind::With(with) => may_leave(&with.body),
        StmtKind::Try { body, .. } => may_leave(body),
        _ => false,
    })
}

/// `__name__ == "__main__"`: never true for a file that Airflow loads.
fn is_main_guard(test: &Expr) -> bool {
    let is = |expr: &Expr, name: &str| matches!(&expr.kind, ExprKind::Name(n) if &**n == name);
    let main = |expr: &Expr| matches!(&expr.kind, ExprKind::Str(name) if &**name == "__main__");
    match &test.kind {
        ExprKind::Compare(left, rest) => match &**rest {
            [(crate::python::syntax::CompareOp::Eq, right)] => {
                is(left, "__name__") && main(right) || main(left) && is(right, "__name__")
            }
            _ => false,
        },
        _ => false,
    }
}
