//! A value as far as it is followed, and what names hold where two ways come together.

use super::walk::Frame;
use super::{Guard, Step, Test};
use crate::dag::Shape;
use crate::dag::names::{self, Meaning};
use crate::dag::shape;
use crate::python::syntax::{Expr, ExprKind, Name};
use crate::python::value::{At, Value};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A value may come from so many places before it is not followed any more.
const ALTERNATIVES: usize = 8;

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
    /// What in it Airflow cannot store, in words.
    pub(super) unstored: Option<Rc<str>>,
    /// What a name of a module held when that was loaded.
    pub(super) loaded: Option<Rc<Loaded>>,
    /// What comes back of it once it was stored, where that is something else: of a tuple with names a plain one.
    pub(super) stored: Option<Rc<Shape>>,
}

/// What a name of a module held when that was loaded.
#[derive(Debug, PartialEq)]
pub(super) struct Loaded {
    /// The name; empty where it is none.
    pub(super) holder: Rc<str>,
    /// With the lengths of lists, which functions may change.
    pub(super) shape: Shape,
    /// Whether it is a list or a dict.
    pub(super) open: bool,
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
    /// False in a test, for certain.
    False,
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

    /// A value that is followed from there on.
    pub(super) fn rooted(root: usize) -> Self {
        Self { of: vec![Alt { root, path: Vec::new(), guards: Vec::new() }], ..Self::any() }
    }

    pub(super) fn of_shape(shape: Shape) -> Self {
        Self {
            shape,
            of: Vec::new(),
            is: Is::Plain,
            texts: Vec::new(),
            giver: None,
            unstored: None,
            loaded: None,
            stored: None,
        }
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

    /// A value of which no release, or not this one, writes a part into its database.
    pub(super) fn unstorable(what: &str) -> Self {
        Self { unstored: Some(what.into()), ..Self::any() }
    }

    /// The shape of what comes back of it once it was stored.
    pub(super) fn as_stored(&self) -> Shape {
        self.stored.as_deref().unwrap_or(&self.shape).clone()
    }

    /// Whether it is false in a test, for certain.
    pub(super) fn denies(&self) -> bool {
        match (&self.is, &self.shape) {
            (Is::False, _) | (_, Shape::None | Shape::List(_, Some(0))) => true,
            (Is::Text(text), _) => text.is_empty(),
            (_, Shape::Dict(Some(keys))) => keys.is_empty(),
            _ => false,
        }
    }

    /// A list may have got another length.
    pub(super) fn unmeasure(&mut self) {
        if let Shape::List(_, length) = &mut self.shape {
            *length = None;
        }
    }

    /// The texts that it holds, where it is a list that nothing has changed since it was written, or a tuple.
    pub(super) fn fixed_texts(&self) -> Option<&[Rc<str>]> {
        let Is::Texts(texts) = &self.is else { return None };
        let shape = self.loaded.as_deref().map_or(&self.shape, |loaded| &loaded.shape);
        match shape {
            Shape::List(_, Some(length)) if *length == texts.len() => Some(texts),
            Shape::Tuple(_) => Some(texts),
            _ => None,
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
            (Is::False, Is::False) => Is::False,
            (Is::Value(a), Is::Value(b)) if gives_context(&a) && gives_context(&b) => Is::Value(a),
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
        let unstored = self.unstored.filter(|_| other.unstored.is_some());
        let shape = shape::union([self.shape, other.shape].into());
        let loaded = self.loaded.filter(|loaded| other.loaded.as_ref() == Some(loaded));
        let stored = self.stored.filter(|stored| other.stored.as_ref() == Some(stored));
        Self { shape, of: self.of, is, texts: self.texts, giver, unstored, loaded, stored }
    }
}

/// Whether it is Airflow's `get_current_context`, which releases have in several modules.
fn gives_context(value: &Value) -> bool {
    matches!(value, Value::Outside(path) if names::meaning(path) == Meaning::CurrentContext)
}

/// The values of a branch as they are behind it: what the branch changed is so only under its tests.
pub(super) fn guarded(
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

pub(super) fn merge(after: &mut Option<BTreeMap<Name, Abs>>, env: BTreeMap<Name, Abs>) {
    match after {
        Some(after) => join(after, env),
        None => *after = Some(env),
    }
}

/// Either of two environments.
pub(super) fn join(into: &mut BTreeMap<Name, Abs>, other: BTreeMap<Name, Abs>) {
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
