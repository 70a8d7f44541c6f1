//! Where values come from, for explanations: recorded only when it is asked for.
//!
//! Invariants: nothing recorded here has any influence on what is evaluated. A step is recorded
//! when its expression is done, so the latest step at a place is the one that gave the value that
//! is at hand there. What cannot be followed (a list that was sorted, an attribute of an outside
//! object) is left open, never guessed: a link is taken only where the value at both ends is the
//! same.

use super::{Host, Interp};
use crate::content::Span;
use crate::python::syntax::{Arg, Expr, ExprKind, Name, Stmt, StmtKind};
use crate::python::value::{Args, Argument, At, FunctionObject, Key, Object, Ref, ScopeRef, Stop, Value};
use std::collections::BTreeMap;

/// Refers to a recorded step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StepRef(usize);

/// One expression that was evaluated, or one way in which a value got a name.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) at: At,
    pub(crate) value: Value,
    pub(crate) how: How,
    /// What went into it.
    pub(crate) from: Vec<StepRef>,
    /// Of something that was read by a name: where that was set.
    pub(crate) set: Option<StepRef>,
}

/// What a step is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// An expression: its value comes from its parts.
    Expression,
    /// A turn of a loop, by number from 1, of how many.
    Element { turn: usize, of: usize },
    /// An argument of a call of that function.
    Argument { function: Name },
    /// The default of a parameter of that function.
    Default { function: Name },
    /// An import.
    Import,
}

/// Something that is going on while something else happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Around {
    /// A call of a function of the tree.
    Call { function: Name, at: At },
    /// A turn of a loop; at its head.
    Turn { at: At, step: StepRef },
    /// A condition that was decided.
    Test { at: At, holds: bool },
}

/// What has been recorded.
#[derive(Debug, Default)]
pub(crate) struct Record {
    steps: Vec<Step>,
    latest: BTreeMap<At, StepRef>,
    /// The expressions being evaluated: at which depth of calls, and their parts so far.
    open: Vec<(usize, Vec<StepRef>)>,
    returned: Option<StepRef>,
    /// What the names that are set next get their value from.
    source: Option<StepRef>,
    /// Names that are set next come from a module.
    module: Option<(ScopeRef, At)>,
    names: BTreeMap<(ScopeRef, Name), StepRef>,
    attributes: BTreeMap<(Ref, Name), StepRef>,
    items: BTreeMap<(Ref, Key), StepRef>,
    around: Vec<Around>,
}

impl Record {
    fn add(&mut self, step: Step) -> StepRef {
        self.steps.push(step);
        StepRef(self.steps.len() - 1)
    }

    pub(crate) fn step(&self, step: StepRef) -> &Step {
        &self.steps[step.0]
    }
}

impl<H: Host> Interp<'_, H> {
    /// Records from here on.
    pub(crate) fn start_record(&mut self) {
        self.record.get_or_insert_default();
    }

    /// What has been recorded, if that was asked for.
    pub(crate) fn record(&self) -> Option<&Record> {
        self.record.as_deref()
    }

    /// What is going on, outermost first.
    pub(crate) fn around(&self) -> Vec<Around> {
        self.record().map(|record| record.around.clone()).unwrap_or_default()
    }

    /// The step that gave an argument its value; `name` for one that came in a `**` dict.
    pub(crate) fn argument_step(&self, argument: &Argument, name: &str) -> Option<StepRef> {
        let record = self.record()?;
        let step = *record.latest.get(&argument.at)?;
        if self.same(&record.step(step).value, &argument.value) {
            return Some(step);
        }
        let Value::Object(object) = &record.step(step).value else { return None };
        let item = *record.items.get(&(*object, Key::Str(name.into())))?;
        self.same(&record.step(item).value, &argument.value).then_some(item)
    }

    // --- expressions ---

    /// Evaluates an expression and records it.
    pub(super) fn recorded(&mut self, expr: &Expr, at: At) -> Result<Value, Stop> {
        let depth = self.frames.len();
        if let Some(record) = &mut self.record {
            record.open.push((depth, Vec::new()));
            record.returned = None;
        }
        let result = self.eval_kind(expr, at);
        let Some((_, mut from)) = self.record.as_mut().and_then(|record| record.open.pop()) else { return result };
        let value = result?;
        let mut set = None;
        match &expr.kind {
            ExprKind::Name(name) => set = self.name_step(name),
            ExprKind::Attribute(_, name) => set = self.part_step(&from, &PartOf::Attribute(name.clone()), &value),
            ExprKind::Subscript(..) => {
                if let Some(key) = from.get(1).and_then(|key| self.key(&self.value_of(*key))) {
                    set = self.part_step(&from, &PartOf::Item(key), &value);
                }
            }
            ExprKind::Call(function, args) => self.recorded_call(function, args, &mut from, &value),
            ExprKind::List(parts) | ExprKind::Tuple(parts) if parts.len() == from.len() => {
                if let (Value::Object(object), Some(record)) = (&value, &mut self.record) {
                    let items = (0_i64..).zip(&from).map(|(index, step)| ((*object, Key::Int(index)), *step));
                    record.items.extend(items);
                }
            }
            ExprKind::Comprehension(all) => self.recorded_elements(all.element.span, &from, &value),
            ExprKind::Dict(pairs) if pairs.len() * 2 == from.len() => self.recorded_pairs(&from, &value),
            _ => {}
        }
        let Some(record) = &mut self.record else { return Ok(value) };
        let step = record.add(Step { at, value: value.clone(), how: How::Expression, from, set });
        record.latest.insert(at, step);
        if let Some((outer, parts)) = record.open.last_mut()
            && *outer == depth
        {
            parts.push(step);
        }
        Ok(value)
    }

    /// Where a name was set.
    fn name_step(&self, name: &Name) -> Option<StepRef> {
        let record = self.record()?;
        let mut scope = Some(self.frames.last()?.scope);
        let mut first = true;
        while let Some(current) = scope {
            let table = &self.scopes[current.0];
            if (first || !table.class_body) && table.names.contains_key(name) {
                return record.names.get(&(current, name.clone())).copied();
            }
            first = false;
            scope = table.parent;
        }
        None
    }

    /// Where an attribute or item of the first part was set.
    fn part_step(&self, from: &[StepRef], part: &PartOf, value: &Value) -> Option<StepRef> {
        let record = self.record()?;
        let step = match (&record.step(*from.first()?).value, part) {
            (Value::Object(object), PartOf::Attribute(name)) => *record.attributes.get(&(*object, name.clone()))?,
            (Value::Object(object), PartOf::Item(key)) => *record.items.get(&(*object, key.clone()))?,
            (Value::Module(key), PartOf::Attribute(name)) => {
                *record.names.get(&(self.modules.get(key)?.scope, name.clone()))?
            }
            _ => return None,
        };
        self.same(&record.step(step).value, value).then_some(step)
    }

    /// A call: what was returned went into it, and `list.append` sets an item.
    fn recorded_call(&mut self, function: &Expr, args: &[Arg], from: &mut Vec<StepRef>, value: &Value) {
        if let Some(returned) = self.record.as_mut().and_then(|record| record.returned.take())
            && let Some(record) = self.record()
            && self.same(&record.step(returned).value, value)
        {
            *from = vec![returned];
            return;
        }
        if let (ExprKind::Attribute(list, name), [Arg::Positional(item)]) = (&function.kind, args)
            && &**name == "append"
            && let Some(Value::Object(list)) = self.latest(list.span).map(|step| self.value_of(step))
            && let Object::List(items) = self.object(list)
            && let Some(index) = items.items.len().checked_sub(1).and_then(|index| i64::try_from(index).ok())
            && let Some(item) = self.latest(item.span)
            && let Some(record) = &mut self.record
        {
            record.items.insert((list, Key::Int(index)), item);
        }
    }

    fn recorded_elements(&mut self, element: Span, from: &[StepRef], value: &Value) {
        let Value::Object(object) = value else { return };
        let Some(record) = &mut self.record else { return };
        let elements = from.iter().filter(|step| record.steps[step.0].at.span == element);
        let items: Vec<_> = (0_i64..).zip(elements).map(|(at, step)| ((*object, Key::Int(at)), *step)).collect();
        record.items.extend(items);
    }

    fn recorded_pairs(&mut self, from: &[StepRef], value: &Value) {
        let Value::Object(object) = value else { return };
        for pair in from.chunks(2) {
            if let [key, item] = pair
                && let Some(key) = self.key(&self.value_of(*key))
                && let Some(record) = &mut self.record
            {
                record.items.insert((*object, key), *item);
            }
        }
    }

    fn latest(&self, span: Span) -> Option<StepRef> {
        self.record()?.latest.get(&self.at(span)).copied()
    }

    fn value_of(&self, step: StepRef) -> Value {
        self.record().map_or(Value::None, |record| record.step(step).value.clone())
    }

    // --- names ---

    /// At the beginning of a statement nothing is at hand.
    pub(super) fn no_source(&mut self) {
        if let Some(record) = &mut self.record {
            (record.source, record.module) = (None, None);
        }
    }

    /// What is set next gets the value of that expression.
    pub(super) fn source(&mut self, span: Span) {
        if self.record.is_some() {
            let step = self.latest(span);
            if let Some(record) = &mut self.record {
                record.source = step;
            }
        }
    }

    /// The value of that expression is returned.
    pub(super) fn returning(&mut self, span: Span) {
        if self.record.is_some() {
            let step = self.latest(span);
            if let Some(record) = &mut self.record {
                record.returned = step;
            }
        }
    }

    /// The name that is set next is imported; `*` imports several under their own names.
    pub(super) fn importing(&mut self, module: &Value, name: Option<&Name>, at: At) {
        let scope = match module {
            Value::Module(key) => self.modules.get(key).map(|loaded| loaded.scope),
            _ => None,
        };
        let Some(record) = &mut self.record else { return };
        (record.source, record.module) = (None, None);
        let Some(scope) = scope else { return };
        match name {
            None => record.module = Some((scope, at)),
            Some(name) => record.source = imported(record, scope, name, at),
        }
    }

    pub(super) fn record_name(&mut self, scope: ScopeRef, name: &Name) {
        let Some(record) = &mut self.record else { return };
        let source = match record.module {
            Some((module, at)) => imported(record, module, name, at),
            None => record.source,
        };
        match source {
            Some(step) => record.names.insert((scope, name.clone()), step),
            None => record.names.remove(&(scope, name.clone())),
        };
    }

    pub(super) fn record_attribute(&mut self, object: &Value, name: &Name) {
        if let (Some(record), Value::Object(object)) = (&mut self.record, object) {
            match record.source {
                Some(step) => record.attributes.insert((*object, name.clone()), step),
                None => record.attributes.remove(&(*object, name.clone())),
            };
        }
    }

    pub(super) fn record_item(&mut self, object: &Value, index: &Value) {
        let Some(key) = self.record.is_some().then(|| self.key(index)).flatten() else { return };
        if let (Some(record), Value::Object(object)) = (&mut self.record, object) {
            match record.source {
                Some(step) => record.items.insert((*object, key), step),
                None => record.items.remove(&(*object, key)),
            };
        }
    }

    // --- what is going on ---

    /// How much is going on; for [`Interp::unwind`].
    pub(super) fn mark(&self) -> usize {
        self.record().map_or(0, |record| record.around.len())
    }

    /// What began since the mark is over.
    pub(super) fn unwind(&mut self, mark: usize) {
        if let Some(record) = &mut self.record {
            record.around.truncate(mark);
        }
    }

    /// A condition was decided.
    pub(super) fn tested(&mut self, test: &Expr, holds: bool) {
        let at = self.at(test.span);
        if let Some(record) = &mut self.record {
            record.around.push(Around::Test { at, holds });
        }
    }

    /// A turn of a loop begins; the names of its target are set next.
    pub(super) fn turn(&mut self, target: &Expr, iter: &Expr, (turn, of): (usize, usize), item: &Value) {
        if self.record.is_none() {
            return;
        }
        let from = self.latest(iter.span);
        let written = from.and_then(|from| {
            let Value::Object(list) = self.value_of(from) else { return None };
            let index = i64::try_from(turn.checked_sub(1)?).ok()?;
            let step = *self.record()?.items.get(&(list, Key::Int(index)))?;
            self.same(&self.value_of(step), item).then_some(step)
        });
        let at = self.at(Span { end: iter.span.end, ..target.span });
        let Some(record) = &mut self.record else { return };
        let from = from.into_iter().chain(written).collect();
        let step = record.add(Step { at, value: item.clone(), how: How::Element { turn, of }, from, set: None });
        (record.source, record.module) = (Some(step), None);
        record.around.push(Around::Turn { at, step });
    }

    /// A call of a function begins, with these values of its parameters.
    pub(super) fn record_call(
        &mut self,
        function: &FunctionObject,
        args: &Args,
        bound: &[(Name, Value)],
        scope: ScopeRef,
        at: At,
    ) {
        if self.record.is_none() {
            return;
        }
        let called = function.def.name.clone();
        for (index, (name, value)) in bound.iter().enumerate() {
            let parameter = function.def.parameters.get(index);
            let position = parameter.is_some_and(|parameter| parameter.kind.takes_place());
            let given = args.keyword(name).or_else(|| args.positional.get(index).filter(|_| position));
            let step = match (given, parameter.and_then(|parameter| parameter.default.as_ref())) {
                (Some(given), _) => {
                    let from = self.argument_step(given, name).into_iter().collect();
                    let how = How::Argument { function: called.clone() };
                    Some(Step { at: given.at, value: value.clone(), how, from, set: None })
                }
                (None, Some(default)) => {
                    let at = At::new(function.file, default.span);
                    let how = How::Default { function: called.clone() };
                    Some(Step { at, value: value.clone(), how, from: Vec::new(), set: None })
                }
                (None, None) => None,
            };
            self.record_kwargs(args, value);
            if let (Some(step), Some(record)) = (step, &mut self.record) {
                let step = record.add(step);
                record.names.insert((scope, name.clone()), step);
            }
        }
        if let Some(record) = &mut self.record {
            record.around.push(Around::Call { function: called, at });
        }
    }

    /// The entries of a `**kwargs` are arguments of the call.
    fn record_kwargs(&mut self, args: &Args, value: &Value) {
        let Value::Object(object) = value else { return };
        if !matches!(self.object(*object), Object::Dict(_)) {
            return;
        }
        for (name, given) in &args.keywords {
            let same = match self.object(*object) {
                Object::Dict(dict) => {
                    dict.get(&Key::Str(name.clone())).is_some_and(|value| self.same(value, &given.value))
                }
                _ => false,
            };
            if same
                && let Some(step) = self.argument_step(given, name)
                && let Some(record) = &mut self.record
            {
                record.items.entry((*object, Key::Str(name.clone()))).or_insert(step);
            }
        }
    }
}

/// What was read of an object.
enum PartOf {
    Attribute(Name),
    Item(Key),
}

/// A name of another module, as imported at a place.
fn imported(record: &mut Record, module: ScopeRef, name: &Name, at: At) -> Option<StepRef> {
    let from = *record.names.get(&(module, name.clone()))?;
    let value = record.step(from).value.clone();
    Some(record.add(Step { at, value, how: How::Import, from: vec![from], set: None }))
}

/// Whether a block never goes on with what follows it.
pub(super) fn leaves(body: &[Stmt]) -> bool {
    matches!(
        body.last().map(|stmt| &stmt.kind),
        Some(StmtKind::Return(_) | StmtKind::Raise(_) | StmtKind::Continue | StmtKind::Break)
    )
}
