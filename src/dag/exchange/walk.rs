//! Statements: what they do to the values that are followed.

use super::{Asked, ByName, Exchange, Guard, Need, ParamRead, Pull, Push, Step, Test, Use, Walked, What};
use crate::content::Span;
use crate::dag::Shape;
use crate::dag::shape;
use crate::dag::world::Run;
use crate::dag::world::location;
use crate::python::names::Binding;
use crate::python::syntax::{
    Case, CompareOp, Expr, ExprKind, Function, Handler, Name, ParameterKind, Pattern, Stmt, StmtKind, UnaryOp,
};
use crate::python::tree::Tree;
use crate::python::value::{At, Object, Ref, ScopeRef, Value, last_name};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Expressions and statements that are walked through at most for one function, with all that it
/// calls.
const STEPS: usize = 20_000;

/// Functions that call each other are followed so deep.
pub(super) const CALLS: usize = 4;

/// A value may come from so many places before it is not followed any more.
const ALTERNATIVES: usize = 8;

/// More is not kept of one value; nobody reads so many.
const NEEDS: usize = 120;

/// A value as far as it is followed.
#[derive(Clone, Debug)]
pub(super) struct Abs {
    pub(super) shape: Shape,
    /// What of the values that are followed it may be.
    pub(super) of: Vec<Alt>,
    pub(super) is: Is,
    /// Every text that it may be or hold.
    pub(super) texts: Vec<(Rc<str>, At)>,
    /// The function or the name of the tree that gave it.
    pub(super) giver: Option<Rc<str>>,
}

/// A part of a value that is followed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Alt {
    pub(super) root: usize,
    pub(super) path: Vec<Step>,
    pub(super) guards: Vec<Guard>,
}

impl Alt {
    /// Whether it was asked for by `get`.
    pub(super) fn may_be_nothing(&self) -> bool {
        self.path.iter().any(|step| matches!(step, Step::Get(_)))
    }
}

/// What a value is beside its shape.
#[derive(Clone, Debug)]
pub(super) enum Is {
    Plain,
    Ti,
    Context,
    Params,
    /// The run.
    DagRun,
    /// What the run was given.
    Conf,
    /// `self` of an operator.
    Receiver,
    /// One text for certain.
    Text(Rc<str>),
    /// A list of texts for certain.
    Texts(Vec<Rc<str>>),
    /// Something that the module holds.
    Value(Value),
}

impl Abs {
    pub(super) fn any() -> Self {
        Self::of_shape(Shape::Any)
    }

    pub(super) fn of_shape(shape: Shape) -> Self {
        Self { shape, of: Vec::new(), is: Is::Plain, texts: Vec::new(), giver: None }
    }

    pub(super) fn special(is: Is) -> Self {
        Self { is, ..Self::any() }
    }

    pub(super) fn named(name: &'static str) -> Self {
        Self::of_shape(Shape::Named(name.into()))
    }

    pub(super) fn text(text: Rc<str>, at: At) -> Self {
        Self { is: Is::Text(text.clone()), texts: vec![(text, at)], ..Self::named("str") }
    }

    /// A list may have got another length.
    pub(super) fn unmeasure(&mut self) {
        if let Shape::List(_, length) = &mut self.shape {
            *length = None;
        }
    }

    /// The value that a name holds and that is now held by something else too: it may be made longer or
    /// shorter by both ways.
    pub(super) fn shared(mut self, frame: &mut Frame, expr: &Expr) -> Self {
        if let ExprKind::Name(name) = &expr.kind {
            self.unmeasure();
            if let Some(held) = frame.env.get_mut(name) {
                held.unmeasure();
            }
        }
        self
    }

    /// Either this or the other.
    pub(super) fn or(mut self, other: Self) -> Self {
        let is = match (self.is, other.is) {
            (Is::Text(a), Is::Text(b)) if a == b => Is::Text(a),
            (Is::Texts(a), Is::Texts(b)) if a == b => Is::Texts(a),
            (Is::Ti, Is::Ti) => Is::Ti,
            (Is::Context, Is::Context) => Is::Context,
            (Is::Params, Is::Params) => Is::Params,
            (Is::DagRun, Is::DagRun) => Is::DagRun,
            (Is::Receiver, Is::Receiver) => Is::Receiver,
            _ => Is::Plain,
        };
        for alt in other.of {
            if !self.of.contains(&alt) {
                self.of.push(alt);
            }
        }
        for text in other.texts {
            if !self.texts.contains(&text) {
                self.texts.push(text);
            }
        }
        let giver = self.giver.or(other.giver);
        Self { shape: shape::union([self.shape, other.shape].into()), of: self.of, is, texts: self.texts, giver }
    }
}

/// A function that is being walked through.
pub(super) struct Frame {
    pub(super) scope: ScopeRef,
    pub(super) file: usize,
    pub(super) env: BTreeMap<Name, Abs>,
    returns: Vec<(Abs, Span)>,
    /// The tests under which the current statement runs, by the value that they are of.
    pub(super) conditions: Vec<(usize, Guard)>,
    /// The class of `self`.
    pub(super) class: Option<Ref>,
    /// The name of the function.
    pub(super) name: Name,
    /// How many tests, and ways out that were not taken, decide whether the current statement is reached.
    pub(super) perhaps: usize,
    /// How many loops are around it, whose bodies are taken to run.
    pub(super) loops: usize,
    def: Rc<Function>,
    /// Names that are bound here once, whatever happens.
    own: OnceCell<BTreeSet<Name>>,
}

impl Frame {
    fn at(&self, span: Span) -> At {
        At::new(self.file, span)
    }
}

/// A root: a value that is followed, and how it is used.
#[derive(Debug, Default)]
struct Root {
    usage: Use,
    /// What [`Use::open_parts`] becomes.
    open_parts: BTreeSet<Vec<Step>>,
}

impl Root {
    /// The use that was seen, as it is kept: without room for more.
    fn seen(&mut self) -> Use {
        let Self { mut usage, open_parts } = std::mem::take(self);
        usage.needs.shrink_to_fit();
        usage.open_parts = open_parts.into_iter().collect();
        usage
    }
}

pub(super) struct Walk<'r, 't> {
    pub(super) run: &'r Run<'t>,
    tree: &'r Tree,
    steps: usize,
    /// Functions that are being followed, the first one first.
    pub(super) calls: Vec<Ref>,
    roots: Vec<Root>,
    /// Roots by the name of a parameter or attribute.
    named: BTreeMap<String, usize>,
    pulls: Vec<(usize, Pull)>,
    pushes: Vec<Push>,
    pushes_more: Option<At>,
    params: Vec<ParamRead>,
    asked: Vec<Asked>,
    raises: Option<(String, At)>,
    pub(super) may_raise: bool,
    /// `try` statements that are open and swallow what is raised.
    pub(super) tolerant: usize,
}

/// See [`super::of`].
pub(super) fn function(run: &Run, tree: &Tree, function: Ref, method: bool) -> Option<Walked> {
    let Object::Function(object) = run.object(function) else { return None };
    let mut walk = Walk {
        run,
        tree,
        steps: 0,
        calls: vec![function],
        roots: Vec::new(),
        named: BTreeMap::new(),
        pulls: Vec::new(),
        pushes: Vec::new(),
        pushes_more: None,
        params: Vec::new(),
        asked: Vec::new(),
        raises: None,
        may_raise: false,
        tolerant: 0,
    };
    let def = object.def.clone();
    let mut frame = Frame {
        scope: object.scope,
        file: object.file,
        env: BTreeMap::new(),
        returns: Vec::new(),
        conditions: Vec::new(),
        class: object.class,
        name: def.name.clone(),
        perhaps: 0,
        loops: 0,
        def: def.clone(),
        own: OnceCell::new(),
    };
    for (index, parameter) in def.parameters.iter().enumerate() {
        let value = match (&*parameter.name, parameter.kind) {
            _ if method && index == 0 => Abs::special(Is::Receiver),
            (_, ParameterKind::DoubleStar) => Abs::special(Is::Context),
            (_, ParameterKind::Star) => Abs::any(),
            ("ti" | "task_instance", _) => Abs::special(Is::Ti),
            ("context", _) => Abs::special(Is::Context),
            ("params", _) => Abs::special(Is::Params),
            ("dag_run", _) => Abs::special(Is::DagRun),
            (name, _) => {
                let shape = parameter.annotation.as_ref().map_or(Shape::Any, |of| walk.annotation(&frame, of));
                walk.root(name, shape)
            }
        };
        frame.env.insert(parameter.name.clone(), value);
    }
    walk.block(&mut frame, &def.body);
    let (returns, returns_at, choices) = walk.returned(&def, &frame);
    let at = |at: At| location(tree, at);
    // Each root has one name, or is one pull's.
    let Walk { mut roots, named, pulls, mut pushes, pushes_more, mut params, mut asked, raises, may_raise, .. } = walk;
    asked.shrink_to_fit();
    let mut usage = |root: usize| roots[root].seen();
    let mut uses: Vec<(String, Use)> = named
        .into_iter()
        .map(|(name, root)| (name, usage(root)))
        .filter(|(_, usage)| *usage != Use::default())
        .collect();
    uses.shrink_to_fit();
    pushes.shrink_to_fit();
    params.shrink_to_fit();
    let exchange = Exchange {
        uses,
        pulls: pulls.into_iter().map(|(root, pull)| Pull { usage: usage(root), ..pull }).collect(),
        pushes,
        pushes_more: pushes_more.map(at),
        params,
        choices: choices.into_iter().map(|(text, place)| (text.to_string(), at(place))).collect(),
        asked,
        raises: raises.map(|(name, place)| (name, at(place))),
        may_raise,
        takes: def.parameters.iter().map(ByName::of).collect(),
    };
    Some(Walked { exchange, returns, returns_at })
}

impl Walk<'_, '_> {
    /// A value that is followed from here.
    pub(super) fn root(&mut self, name: &str, shape: Shape) -> Abs {
        let root = *self.named.entry(name.to_owned()).or_insert_with(|| {
            self.roots.push(Root::default());
            self.roots.len() - 1
        });
        Abs { of: vec![Alt { root, path: Vec::new(), guards: Vec::new() }], ..Abs::of_shape(shape) }
    }

    pub(super) fn pulled(&mut self, pull: Pull) -> Abs {
        self.roots.push(Root::default());
        let root = self.roots.len() - 1;
        self.pulls.push((root, pull));
        Abs { of: vec![Alt { root, path: Vec::new(), guards: Vec::new() }], ..Abs::any() }
    }

    pub(super) fn pushed(&mut self, frame: &Frame, key: Option<&str>, shape: Shape, span: Span) {
        match key {
            Some(key) => {
                let at = self.location(frame, span);
                self.pushes.push(Push { key: key.to_owned(), shape, at });
            }
            None => {
                self.pushes_more.get_or_insert(frame.at(span));
            }
        }
    }

    pub(super) fn reads_param(&mut self, frame: &Frame, name: &str, required: bool, span: Span) {
        let at = self.location(frame, span);
        let required = required && self.tolerant == 0;
        self.params.push(ParamRead { name: name.to_owned(), conf: false, required, at });
    }

    /// What the run was given is read; code that asks first whether it was given is ready for less.
    pub(super) fn reads_conf(&mut self, frame: &Frame, name: &str, span: Span) {
        let at = self.location(frame, span);
        let required = self.tolerant == 0 && frame.perhaps == 0;
        self.params.push(ParamRead { name: name.to_owned(), conf: true, required, at });
    }

    pub(super) fn location(&self, frame: &Frame, span: Span) -> crate::content::Location {
        location(self.tree, frame.at(span))
    }

    /// Whether there is work left to do.
    pub(super) fn step(&mut self) -> bool {
        self.steps += 1;
        self.steps < STEPS
    }

    /// Something is asked of a value.
    pub(super) fn need(&mut self, frame: &Frame, value: &Abs, what: &What, span: Span) {
        if self.tolerant > 0 {
            return;
        }
        if value.of.is_empty() {
            self.ask_giver(frame, value, what, span);
            return;
        }
        let at = self.location(frame, span);
        for alt in &value.of {
            // A message that shows nothing hurts nobody who asked by `get`.
            if *what == What::Text && alt.may_be_nothing() {
                continue;
            }
            let guards = guards(frame, alt);
            let Root { usage, open_parts } = &mut self.roots[alt.root];
            if usage.needs.len() < NEEDS {
                usage.needs.push(Need { path: alt.path.clone(), what: what.clone(), guards, at: at.clone() });
            } else {
                usage.open.get_or_insert(at.clone());
                open_parts.insert(Vec::new());
            }
        }
    }

    /// Something is asked of what other code of the tree gave.
    fn ask_giver(&mut self, frame: &Frame, value: &Abs, what: &What, span: Span) {
        // A test before it is there for what is nothing.
        if frame.perhaps > 0 && value.shape == Shape::None {
            return;
        }
        if let (Some(giver), Some(found)) = (&value.giver, what.finds(&value.shape)) {
            let asked = self.asked.len();
            self.asks(frame, giver, (what.clone(), found.err()), span);
            if let Some(asked) = self.asked.get_mut(asked) {
                asked.never = value.shape == Shape::Named("coroutine".into());
            }
        }
    }

    pub(super) fn asks(&mut self, frame: &Frame, giver: &str, (what, why): (What, Option<String>), span: Span) {
        if self.asked.len() < NEEDS {
            self.asked.push(Asked {
                within: frame.name.to_string(),
                giver: giver.to_owned(),
                what,
                why,
                never: false,
                perhaps: frame.perhaps > 0,
                at: self.location(frame, span),
            });
        }
    }

    /// A value goes on to where it is not followed.
    pub(super) fn open(&mut self, frame: &Frame, value: &Abs, span: Span) {
        if value.of.is_empty() {
            return;
        }
        let at = self.location(frame, span);
        for alt in &value.of {
            let Root { usage, open_parts } = &mut self.roots[alt.root];
            usage.open.get_or_insert(at.clone());
            if open_parts.len() < NEEDS {
                open_parts.insert(alt.path.clone());
            }
        }
    }

    pub(super) fn expects_none(&mut self, value: &Abs) {
        for alt in value.of.iter().filter(|alt| alt.path.is_empty()) {
            self.roots[alt.root].usage.expects_none = true;
        }
    }

    /// A part of a value.
    pub(super) fn part(value: &Abs, step: &Step, shape: Shape) -> Abs {
        /// A way that is longer is that of a loop that walks a structure down.
        const LONG: usize = 6;
        let of = value
            .of
            .iter()
            .filter(|alt| alt.path.len() < LONG)
            .map(|alt| {
                let path = alt.path.iter().chain([step]).cloned().collect();
                Alt { path, ..alt.clone() }
            })
            .collect();
        Abs { of, giver: value.giver.clone(), ..Abs::of_shape(shape) }
    }

    // --- statements ---

    /// Walks a block; says whether it cannot run off its end.
    pub(super) fn block(&mut self, frame: &mut Frame, body: &[Stmt]) -> bool {
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
            StmtKind::Assert(parts) => {
                if let Some(test) = parts.first() {
                    self.express(frame, test);
                    let tests = self.tests(frame, test, true);
                    frame.conditions.extend(tests);
                }
            }
            StmtKind::Delete(targets) => {
                for target in targets {
                    if let ExprKind::Subscript(object, _) = &target.kind {
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
    pub(super) fn unset(&mut self, frame: &Frame, name: &Name, span: Span) {
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
            && self.tolerant == 0
            && self.raises.is_none()
            && let Some(name) = last_name(class)
        {
            self.raises = Some((name.to_owned(), frame.at(span)));
        }
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
                let before = frame.env.clone();
                let ended = self.block(frame, body) || self.block(frame, orelse);
                self.tolerant -= usize::from(swallows);
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
            StmtKind::With(with) => {
                for (value, target) in &with.items {
                    let value = self.express(frame, value);
                    self.open(frame, &value, stmt.span);
                    if let Some(target) = target {
                        self.assign(frame, target, Abs::any());
                    }
                }
                let swallows = usize::from(with.items.iter().any(|(value, _)| is_suppress(value)));
                self.tolerant += swallows;
                let ended = self.block(frame, &with.body);
                self.tolerant -= swallows;
                // Behind it goes on what ended within it.
                ended && swallows == 0
            }
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
    pub(super) fn nested(&mut self, frame: &mut Frame, def: &Function) {
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
        for held in frame.env.values_mut() {
            held.giver = None;
            held.unmeasure();
        }
    }

    pub(super) fn assign(&mut self, frame: &mut Frame, target: &Expr, value: Abs) {
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
                self.put(frame, object, &key, value.shape);
            }
            ExprKind::Attribute(object, _) => {
                self.express(frame, object);
                self.open(frame, &value, target.span);
            }
            _ => {}
        }
    }

    /// `object[key] = …` of a dict that a name holds.
    fn put(&mut self, frame: &mut Frame, object: &Expr, key: &Abs, shape: Shape) {
        let ExprKind::Name(name) = &object.kind else {
            self.express(frame, object);
            Self::unmeasure_inside(frame);
            return;
        };
        let Some(held) = frame.env.get_mut(name) else { return };
        match (&mut held.shape, &key.is) {
            (Shape::Dict(Some(keys)), Is::Text(key)) => {
                keys.insert(key.to_string(), shape);
            }
            (Shape::Dict(_), _) => held.shape = Shape::Dict(None),
            (Shape::List(..), _) => held.shape = Shape::list(Shape::Any),
            _ => {}
        }
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
    pub(super) fn loosen(frame: &mut Frame, object: &Expr) {
        Self::unmeasure_inside(frame);
        if let ExprKind::Name(name) = &object.kind
            && let Some(held) = frame.env.get_mut(name)
        {
            held.giver = None;
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

    /// The whole of a followed function's returns.
    pub(super) fn result(&self, def: &Function, frame: Frame, ended: bool) -> Abs {
        if self.steps >= STEPS {
            return Abs::any();
        }
        if def.generator {
            return Abs::named("generator");
        }
        let end = (!ended).then(|| Abs::of_shape(Shape::None));
        frame.returns.into_iter().map(|(value, _)| value).chain(end).reduce(Abs::or).unwrap_or_else(Abs::any)
    }

    pub(super) fn inside(&mut self, def: &Function, frame: &mut Frame) -> bool {
        let tolerant = std::mem::take(&mut self.tolerant);
        let ended = self.block(frame, &def.body);
        self.tolerant = tolerant;
        ended
    }

    pub(super) fn frame(object: &crate::python::value::FunctionObject, around: &Frame) -> Frame {
        Frame {
            scope: object.scope,
            file: object.file,
            env: BTreeMap::new(),
            returns: Vec::new(),
            conditions: around.conditions.clone(),
            class: object.class,
            name: object.def.name.clone(),
            perhaps: around.perhaps,
            loops: around.loops,
            def: object.def.clone(),
            own: OnceCell::new(),
        }
    }

    /// What the function returns, where that is decided, and the texts in it.
    fn returned(&self, def: &Function, frame: &Frame) -> (Shape, Span, Vec<(Rc<str>, At)>) {
        let first = frame.returns.first().map(|(_, span)| *span);
        let mut choices = Vec::new();
        let mut shapes = BTreeSet::new();
        for (value, _) in &frame.returns {
            shapes.insert(value.shape.clone());
            choices.extend(value.texts.iter().cloned());
        }
        if !shape::ends(&def.body) {
            shapes.insert(Shape::None);
        }
        choices.dedup();
        let found = shape::union(shapes);
        if def.generator {
            return (Shape::Named("generator".into()), def.span, choices);
        }
        let known = found != Shape::Any && self.steps < STEPS;
        match (known, &def.returns) {
            (true, Some(annotation)) if vague(&found) => {
                let declared = self.annotation(frame, annotation);
                if vague(&declared) {
                    (found, first.unwrap_or(def.span), choices)
                } else {
                    (declared, annotation.span, choices)
                }
            }
            (true, _) => (found, first.unwrap_or(def.span), choices),
            (false, Some(annotation)) => (self.annotation(frame, annotation), annotation.span, choices),
            (false, None) => (Shape::Any, first.unwrap_or(def.span), choices),
        }
    }
}

/// Whether an annotation may say more than the code does.
fn vague(shape: &Shape) -> bool {
    matches!(shape, Shape::Dict(None)) || matches!(shape, Shape::List(inner, _) if **inner == Shape::Any)
}

/// The tests under which a part of a value is looked at.
fn guards(frame: &Frame, alt: &Alt) -> Vec<Guard> {
    let mut guards = alt.guards.clone();
    for (root, guard) in &frame.conditions {
        if *root == alt.root && !guards.contains(guard) {
            guards.push(guard.clone());
        }
    }
    guards
}

/// The values of a branch as they are behind it: what the branch changed is so only under its tests.
fn guarded(
    mut env: BTreeMap<Name, Abs>,
    before: &BTreeMap<Name, Abs>,
    conditions: &[(usize, Guard)],
) -> BTreeMap<Name, Abs> {
    for (name, value) in &mut env {
        let same = before.get(name).is_some_and(|old| old.of == value.of);
        if same && conditions.is_empty() {
            continue;
        }
        for alt in &mut value.of {
            for (root, guard) in conditions {
                if *root == alt.root && !alt.guards.contains(guard) {
                    alt.guards.push(guard.clone());
                }
            }
        }
    }
    env
}

fn merge(after: &mut Option<BTreeMap<Name, Abs>>, env: BTreeMap<Name, Abs>) {
    match after {
        Some(after) => join(after, env),
        None => *after = Some(env),
    }
}

/// Either of two environments.
fn join(into: &mut BTreeMap<Name, Abs>, other: BTreeMap<Name, Abs>) {
    for (name, value) in other {
        let joined = match into.remove(&name) {
            Some(mine) => reunited(mine.or(value)),
            None => value,
        };
        into.insert(name, joined);
    }
}

/// Drops the tests from parts that come out of both sides of them, and what is of too many parts.
fn reunited(mut value: Abs) -> Abs {
    let mut kept: Vec<Alt> = Vec::new();
    for alt in std::mem::take(&mut value.of) {
        match kept.iter_mut().find(|other| other.root == alt.root && other.path == alt.path) {
            // Of the same part, only what both ways have in common is sure.
            Some(other) => other.guards.retain(|guard| alt.guards.contains(guard)),
            None => kept.push(alt),
        }
    }
    kept.truncate(ALTERNATIVES);
    value.of = kept;
    value
}

/// The tests of a whole value, for each value followed that it is.
pub(super) fn whole(value: &Abs, test: &Test, holds: bool) -> Vec<(usize, Guard)> {
    let of = |alt: &Alt| (alt.root, Guard { path: alt.path.clone(), test: test.clone(), holds });
    match value.of.as_slice() {
        [alt] => vec![of(alt)],
        several if several.iter().any(Alt::may_be_nothing) => several.iter().map(of).collect(),
        _ => Vec::new(),
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
