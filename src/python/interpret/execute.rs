//! Statements.

use super::branch::Join;
use super::{BOUNDS, Flow, Host, Interp};
use crate::python::syntax::{Case, Expr, ExprKind, Handler, Pattern, Stmt, StmtKind};
use crate::python::value::{At, FunctionObject, Object, Raised, Stop, Unknown, Value, short};
use std::rc::Rc;

impl<H: Host> Interp<'_, H> {
    pub(super) fn block(&mut self, body: &[Stmt]) -> Result<Flow, Stop> {
        for stmt in body {
            match self.statement(stmt)? {
                Flow::Next => {}
                flow => return Ok(flow),
            }
        }
        Ok(Flow::Next)
    }

    fn statement(&mut self, stmt: &Stmt) -> Result<Flow, Stop> {
        let at = self.at(stmt.span);
        self.step(at)?;
        self.deeper(at, |interp| interp.statement_kind(stmt, at))
    }

    fn statement_kind(&mut self, stmt: &Stmt, at: At) -> Result<Flow, Stop> {
        match &stmt.kind {
            StmtKind::Expr(expr) => {
                let value = self.eval(expr)?;
                if !matches!(expr.kind, ExprKind::Str(_) | ExprKind::Ellipsis) {
                    H::stands_alone(self, &value, at);
                }
            }
            StmtKind::Assign { targets, value } => {
                let value = self.eval(value)?;
                for target in targets {
                    self.assign(target, value.clone())?;
                }
            }
            StmtKind::Annotated { target, annotation, value } => match value {
                Some(value) => {
                    let value = self.eval(value)?;
                    self.assign(target, value)?;
                }
                None => self.declare(target, annotation),
            },
            StmtKind::Augmented { target, op, value } => self.augmented(target, *op, value, at)?,
            StmtKind::Return(value) => {
                let value = match value {
                    Some(value) => self.eval(value)?,
                    None => Value::None,
                };
                return Ok(Flow::Return(value));
            }
            StmtKind::Raise(value) => return Err(self.raised(value.as_ref(), at)?),
            StmtKind::If { arms, orelse } => return self.if_statement(arms, orelse),
            StmtKind::For { target, iter, body, orelse } => return self.for_statement(target, iter, body, orelse),
            StmtKind::While { test, body, orelse } => return self.while_statement(test, body, orelse),
            StmtKind::Try { body, handlers, orelse, finally } => {
                return self.try_statement(body, handlers, orelse, finally, at);
            }
            StmtKind::With { items, body } => return self.with_statement(items, body),
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
                self.import_from(*level, module, names, *star, at)?
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
            StmtKind::Assert(parts) => {
                if let Some(test) = parts.first() {
                    self.eval(test)?;
                }
            }
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

    fn declare(&mut self, target: &Expr, annotation: &Expr) {
        // A data class reads its fields from annotations without a value.
        if let (ExprKind::Name(name), Some(frame)) = (&target.kind, self.frames.last_mut())
            && self.scopes[frame.scope.0].class_body
            && crate::python::value::last_name(annotation) != Some("ClassVar")
            && !frame.fields.contains(name)
        {
            frame.fields.push(name.clone());
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
        Ok(self.new_object(Object::Function(FunctionObject { def: def.clone(), scope, defaults, file, class })))
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
            return Ok(());
        }
        let new = self.binary(op, &old, &right, at)?;
        self.assign(target, new)
    }

    fn raised(&mut self, value: Option<&Expr>, at: At) -> Result<Stop, Stop> {
        let (mut class, mut message) = ("Exception".to_owned(), String::new());
        if let Some(value) = value {
            let callee = match &value.kind {
                ExprKind::Call(callee, _) => callee,
                _ => value,
            };
            if let Some(name) = crate::python::value::last_name(callee) {
                name.clone_into(&mut class);
            }
            let value = self.eval(value)?;
            message = self.text(&value);
        }
        Ok(Stop::Raise(Rc::new(Raised { class: class.into(), message, at, certain: self.maybe.is_empty() })))
    }

    fn if_statement(&mut self, arms: &[(Expr, Vec<Stmt>)], orelse: &[Stmt]) -> Result<Flow, Stop> {
        let Some(((test, body), rest)) = arms.split_first() else { return self.block(orelse) };
        if is_main_guard(test) {
            return self.if_statement(rest, orelse);
        }
        let value = self.eval(test)?;
        match self.truth(&value, self.at(test.span)) {
            Ok(true) => self.block(body),
            Ok(false) => self.if_statement(rest, orelse),
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

    fn for_statement(&mut self, target: &Expr, iter: &Expr, body: &[Stmt], orelse: &[Stmt]) -> Result<Flow, Stop> {
        let at = self.at(iter.span);
        let iterable = self.eval(iter)?;
        let (conditions, rest) = (self.maybe.len(), self.rest.len());
        match self.iterate(&iterable, at)? {
            Ok(items) => {
                let mut turns = 0;
                for item in items {
                    turns += 1;
                    if turns > BOUNDS.turns {
                        return Err(self.limit("too many turns of a loop", at));
                    }
                    self.assign(target, item)?;
                    match self.block(body)? {
                        Flow::Next | Flow::Continue => {}
                        Flow::Break => {
                            self.end_loop(conditions, rest);
                            return Ok(Flow::Next);
                        }
                        flow @ Flow::Return(_) => return Ok(flow),
                    }
                }
                self.end_loop(conditions, rest);
                self.block(orelse)
            }
            Err((why, element)) => {
                let outcome = self.branch(&why, |interp| {
                    interp.assign(target, element)?;
                    Ok(match interp.block(body)? {
                        flow @ Flow::Return(_) => flow,
                        _ => Flow::Next,
                    })
                })?;
                match self.join(outcome.into_iter().collect(), true, Join::Repeated, &why) {
                    Flow::Next => self.block(orelse),
                    flow => Ok(flow),
                }
            }
        }
    }

    /// After a loop, a `break` or `continue` that may have happened decides nothing more.
    fn end_loop(&mut self, conditions: usize, rest: usize) {
        if self.frames.last().is_some_and(|frame| frame.returns.is_empty()) {
            self.maybe.truncate(conditions);
            self.rest.truncate(rest);
        }
    }

    fn while_statement(&mut self, test: &Expr, body: &[Stmt], orelse: &[Stmt]) -> Result<Flow, Stop> {
        let at = self.at(test.span);
        let (conditions, rest) = (self.maybe.len(), self.rest.len());
        for _ in 0..BOUNDS.turns {
            let value = self.eval(test)?;
            match self.truth(&value, at) {
                Ok(true) => match self.block(body)? {
                    Flow::Next | Flow::Continue => {}
                    Flow::Break => {
                        self.end_loop(conditions, rest);
                        return Ok(Flow::Next);
                    }
                    flow @ Flow::Return(_) => return Ok(flow),
                },
                Ok(false) => {
                    self.end_loop(conditions, rest);
                    return self.block(orelse);
                }
                Err(why) => {
                    let outcome = self.branch(&why, |interp| {
                        Ok(match interp.block(body)? {
                            flow @ Flow::Return(_) => flow,
                            _ => Flow::Next,
                        })
                    })?;
                    return Ok(self.join(outcome.into_iter().collect(), true, Join::Repeated, &why));
                }
            }
        }
        Err(self.limit("too many turns of a loop", at))
    }

    fn try_statement(
        &mut self,
        body: &[Stmt],
        handlers: &[Handler],
        orelse: &[Stmt],
        finally: &[Stmt],
        at: At,
    ) -> Result<Flow, Stop> {
        let result = self.try_body(body, handlers, orelse, at);
        if matches!(result, Err(Stop::Limit(..))) {
            return result;
        }
        match self.block(finally)? {
            Flow::Next => result,
            flow => Ok(flow),
        }
    }

    fn try_body(&mut self, body: &[Stmt], handlers: &[Handler], orelse: &[Stmt], at: At) -> Result<Flow, Stop> {
        let before = self.may_raise;
        let failed = self.failed.clone();
        match self.guarded(body, handlers, at) {
            Ok(flow) => {
                if self.may_raise > before {
                    self.alternatives(handlers, at)?;
                }
                match flow {
                    Flow::Next => self.block(orelse),
                    flow => Ok(flow),
                }
            }
            Err(Stop::Raise(raised)) => {
                let raised_at = raised.at;
                for handler in handlers {
                    if self.catches(handler, &raised)? {
                        self.failed = failed;
                        self.bind_exception(handler, raised_at);
                        return self.block(&handler.body);
                    }
                }
                Err(Stop::Raise(raised))
            }
            Err(limit) => Err(limit),
        }
    }

    /// The body of a `try`: once something outside may have raised, and a handler goes on, the
    /// rest of the body is conditional.
    fn guarded(&mut self, body: &[Stmt], handlers: &[Handler], at: At) -> Result<Flow, Stop> {
        let swallows = handlers
            .iter()
            .any(|handler| !matches!(handler.body.last().map(|stmt| &stmt.kind), Some(StmtKind::Raise(_))));
        let conditions = self.maybe.len();
        let mut result = Ok(Flow::Next);
        for stmt in body {
            let before = self.may_raise;
            result = self.statement(stmt);
            if !matches!(result, Ok(Flow::Next)) {
                break;
            }
            if swallows && self.may_raise > before && self.maybe.len() == conditions {
                let why = Unknown::new("something outside the tree may raise", self.at(stmt.span), "raised");
                self.maybe.push(Rc::new(why));
            }
        }
        let _ = at;
        self.maybe.truncate(conditions);
        result
    }

    fn bind_exception(&mut self, handler: &Handler, at: At) {
        if let Some(name) = &handler.name {
            let value = Unknown::new("an exception", at, "exception").value();
            self.set_name(name, value);
        }
    }

    /// What the handlers would leave, had something outside raised.
    fn alternatives(&mut self, handlers: &[Handler], at: At) -> Result<(), Stop> {
        let why = Rc::new(Unknown::new("depends on whether something outside the tree raises", at, "raised"));
        for handler in handlers {
            let outcome = self.branch(&why, |interp| {
                interp.bind_exception(handler, at);
                interp.block(&handler.body)
            })?;
            if let Some(outcome) = outcome {
                // A handler that leaves the function has no influence on what follows here, but
                // then what follows is conditional.
                let _ = self.join(vec![outcome], true, Join::OneOf, &why);
            }
        }
        Ok(())
    }

    fn catches(&mut self, handler: &Handler, raised: &Raised) -> Result<bool, Stop> {
        let Some(kind) = &handler.kind else { return Ok(true) };
        let kinds: Vec<&Expr> = match &kind.kind {
            ExprKind::Tuple(items) => items.iter().collect(),
            _ => vec![kind],
        };
        Ok(kinds.into_iter().any(|kind| {
            crate::python::value::last_name(kind).is_some_and(|name| {
                name == &*raised.class
                    || matches!(name, "Exception" | "BaseException")
                    || matches!(
                        (name, &*raised.class),
                        ("ImportError", "ModuleNotFoundError")
                            | ("ModuleNotFoundError", "ImportError")
                            | ("LookupError", "KeyError" | "IndexError")
                    )
            })
        }))
    }

    fn with_statement(&mut self, items: &[(Expr, Option<Expr>)], body: &[Stmt]) -> Result<Flow, Stop> {
        let Some(((context, target), rest)) = items.split_first() else { return self.block(body) };
        let at = self.at(context.span);
        let value = self.eval(context)?;
        let host = self.host_of(&value);
        let entered = match host {
            Some(host) => {
                let entered = H::enter(self, host, at)?;
                // An instance of a class of the tree stays itself.
                if matches!(value, Value::Object(_)) { value.clone() } else { entered }
            }
            None => self.enter_value(&value, at)?,
        };
        if let Some(target) = target {
            self.assign(target, entered)?;
        }
        let flow = self.with_statement(rest, body);
        if let Some(host) = host {
            H::exit(self, host, at)?;
        }
        flow
    }

    fn delete(&mut self, targets: &[Expr]) -> Result<(), Stop> {
        for target in targets {
            match &target.kind {
                ExprKind::Name(name) => {
                    if let Some(frame) = self.frames.last() {
                        let scope = frame.scope;
                        if let Some(journal) = self.journals.last_mut() {
                            let old = self.scopes[scope.0].names.get(name).cloned();
                            journal.names.entry((scope, name.clone())).or_insert(old);
                        }
                        self.scopes[scope.0].names.remove(name);
                    }
                }
                ExprKind::Subscript(object, index) => {
                    let object = self.eval(object)?;
                    let index = self.eval(index)?;
                    self.delete_item(&object, &index, self.at(target.span));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn match_statement(&mut self, subject: &Expr, cases: &[Case], at: At) -> Result<Flow, Stop> {
        let subject = self.eval(subject)?;
        self.match_cases(&subject, cases, at)
    }

    fn match_cases(&mut self, subject: &Value, cases: &[Case], at: At) -> Result<Flow, Stop> {
        let Some((case, rest)) = cases.split_first() else { return Ok(Flow::Next) };
        let mut matched = self.matches(&case.pattern, subject, at)?;
        if let (Ok(true), Some(guard)) = (&matched, &case.guard) {
            let value = self.eval(guard)?;
            matched = self.truth(&value, self.at(guard.span));
        }
        match matched {
            Ok(true) => self.block(&case.body),
            Ok(false) => self.match_cases(subject, rest, at),
            Err(why) => {
                let mut outcomes = Vec::new();
                outcomes.extend(self.branch(&why, |interp| interp.block(&case.body))?);
                outcomes.extend(self.branch(&why, |interp| interp.match_cases(subject, rest, at))?);
                Ok(self.join(outcomes, false, Join::OneOf, &why))
            }
        }
    }

    /// Whether a pattern matches; binds its names.
    fn matches(&mut self, pattern: &Pattern, subject: &Value, at: At) -> Result<Result<bool, Rc<Unknown>>, Stop> {
        Ok(match pattern {
            Pattern::Any => Ok(true),
            Pattern::Capture(name) => {
                self.set_name(name, subject.clone());
                Ok(true)
            }
            Pattern::As(inner, name) => {
                let matched = self.matches(inner, subject, at)?;
                self.set_name(name, subject.clone());
                matched
            }
            Pattern::Value(value) => {
                let value = self.eval(value)?;
                let equal = self.compare(crate::python::syntax::CompareOp::Eq, subject, &value, at)?;
                self.truth(&equal, at)
            }
            Pattern::Or(parts) => {
                let mut unknown = None;
                for part in parts {
                    match self.matches(part, subject, at)? {
                        Ok(true) => return Ok(Ok(true)),
                        Ok(false) => {}
                        Err(why) => unknown = Some(why),
                    }
                }
                unknown.map_or(Ok(false), Err)
            }
            Pattern::Sequence(parts) => match self.items(subject).map(<[Value]>::to_vec) {
                Some(items) if items.len() != parts.len() => Ok(false),
                Some(items) => {
                    for (part, item) in parts.iter().zip(&items) {
                        match self.matches(part, item, at)? {
                            Ok(true) => {}
                            other => return Ok(other),
                        }
                    }
                    Ok(true)
                }
                None => Err(Rc::new(Unknown::new("a pattern that cannot be decided", at, "pattern"))),
            },
            Pattern::Other(text) => Err(Rc::new(Unknown::new("a pattern that cannot be decided", at, &**text))),
        })
    }

    // --- targets ---

    pub(super) fn assign(&mut self, target: &Expr, value: Value) -> Result<(), Stop> {
        let at = self.at(target.span);
        match &target.kind {
            ExprKind::Name(name) => self.set_name(name, value),
            ExprKind::Tuple(targets) | ExprKind::List(targets) => self.unpack(targets, &value, at)?,
            ExprKind::Starred(inner) => self.assign(inner, value)?,
            ExprKind::Attribute(object, name) => {
                let object = self.eval(object)?;
                self.set_attribute(&object, name, value, at)?;
            }
            ExprKind::Subscript(object, index) => {
                let object = self.eval(object)?;
                let index = self.eval(index)?;
                self.set_item(&object, &index, value, at)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn unpack(&mut self, targets: &[Expr], value: &Value, at: At) -> Result<(), Stop> {
        let star = targets.iter().position(|target| matches!(target.kind, ExprKind::Starred(_)));
        match self.iterate(value, at)? {
            Ok(items) => {
                let Some(star) = star else {
                    if items.len() != targets.len() {
                        return self.raise("ValueError", "wrong number of values to unpack", at);
                    }
                    for (target, item) in targets.iter().zip(items) {
                        self.assign(target, item)?;
                    }
                    return Ok(());
                };
                let after = targets.len() - star - 1;
                if items.len() < star + after {
                    return self.raise("ValueError", "not enough values to unpack", at);
                }
                let middle = items[star..items.len() - after].to_vec();
                for (target, item) in targets[..star].iter().zip(&items) {
                    self.assign(target, item.clone())?;
                }
                let middle = self.new_list(middle);
                self.assign(&targets[star], middle)?;
                for (target, item) in targets[star + 1..].iter().zip(&items[items.len() - after..]) {
                    self.assign(target, item.clone())?;
                }
            }
            Err((why, _)) => {
                for (index, target) in targets.iter().enumerate() {
                    let mut unknown = Unknown::clone(&why);
                    unknown.text = short(format!("{}[{index}]", self.text(value)));
                    unknown.affix = None;
                    self.assign(target, unknown.value())?;
                }
            }
        }
        Ok(())
    }
}

/// `__name__ == "__main__"`: never true for a file that Airflow loads.
fn is_main_guard(test: &Expr) -> bool {
    let is = |expr: &Expr, name: &str| matches!(&expr.kind, ExprKind::Name(n) if &**n == name);
    let text = |expr: &Expr| matches!(&expr.kind, ExprKind::Str(text) if &**text == "__main__");
    match &test.kind {
        ExprKind::Compare(left, rest) => match rest.as_slice() {
            [(crate::python::syntax::CompareOp::Eq, right)] => {
                is(left, "__name__") && text(right) || text(left) && is(right, "__name__")
            }
            _ => false,
        },
        _ => false,
    }
}
