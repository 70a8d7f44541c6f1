//! The walk through a function: what it has met so far, and what it says at its end.

mod statement;

use super::followed::{Abs, Alt, Is, Loaded};
use super::{Asked, ByName, Exchange, Guard, Need, ParamRead, Pull, Push, Step, Use, Walked, What};
use crate::content::Span;
use crate::dag::Shape;
use crate::dag::shape;
use crate::dag::world::Run;
use crate::dag::world::location;
use crate::python::syntax::{Function, Name, ParameterKind};
use crate::python::tree::Tree;
use crate::python::value::{At, Object, Ref, ScopeRef};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Expressions and statements that are walked through at most for one function, with all that it
/// calls.
const STEPS: usize = 20_000;

/// Who gives the keys of a run's context.
pub(crate) const CONTEXT: &str = "context";

/// Who gives the variables of the process.
pub(crate) const ENVIRONMENT: &str = "os.environ";

/// Functions that call each other are followed so deep.
pub(super) const CALLS: usize = 4;

/// More is not kept of one value; nobody reads so many.
const NEEDS: usize = 120;

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
    /// Whether a function within it may change what its names hold.
    pub(super) closures: bool,
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
    params: Vec<(usize, ParamRead)>,
    params_more: Option<At>,
    asked: Vec<Asked>,
    raises: Option<(String, At)>,
    /// A push of what cannot be stored.
    unstored: Option<(Rc<str>, At)>,
    /// Whether the context is given keys, or goes on to code that is not followed.
    pub(super) context_grows: bool,
    /// Whether variables of the process are set.
    pub(super) environment_grows: bool,
    pub(super) may_raise: bool,
    /// `try` statements that are open and swallow what is raised.
    pub(super) tolerant: usize,
    /// What each of them catches, where it is a `try`.
    catching: Vec<Vec<Option<String>>>,
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
        params_more: None,
        asked: Vec::new(),
        raises: None,
        unstored: None,
        context_grows: false,
        environment_grows: false,
        may_raise: false,
        tolerant: 0,
        catching: Vec::new(),
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
        closures: false,
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
    let denies = walk.denies(&def, &frame);
    let unstored = walk.unstored(&frame);
    walk.asked.retain(|asked| {
        !(walk.context_grows && asked.giver == CONTEXT || walk.environment_grows && asked.giver == ENVIRONMENT)
    });
    let at = |at: At| location(tree, at);
    // Each root has one name, or is one pull's.
    let Walk {
        mut roots,
        named,
        pulls,
        mut pushes,
        pushes_more,
        params,
        params_more,
        mut asked,
        raises,
        may_raise,
        ..
    } = walk;
    asked.shrink_to_fit();
    let mut usage = |root: usize| roots[root].seen();
    let mut uses: Vec<(String, Use)> = named
        .into_iter()
        .map(|(name, root)| (name, usage(root)))
        .filter(|(_, usage)| *usage != Use::default())
        .collect();
    uses.shrink_to_fit();
    pushes.shrink_to_fit();
    let exchange = Exchange {
        uses,
        pulls: pulls.into_iter().map(|(root, pull)| Pull { usage: usage(root), ..pull }).collect(),
        pushes,
        pushes_more: pushes_more.map(at),
        params_more: params_more.map(at),
        params: params.into_iter().map(|(root, read)| ParamRead { usage: usage(root), ..read }).collect(),
        choices: choices.into_iter().map(|(text, place)| (text.to_string(), at(place))).collect(),
        asked,
        raises: raises.map(|(name, place)| Box::new((name, at(place)))),
        may_raise,
        denies,
        unstored: unstored.map(|(what, place)| Box::new((what.to_string(), at(place)))),
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
        Abs { shape, ..Abs::rooted(root) }
    }

    /// A value without a name that is followed from here.
    fn nameless(&mut self) -> (usize, Abs) {
        self.roots.push(Root::default());
        let root = self.roots.len() - 1;
        (root, Abs::rooted(root))
    }

    pub(super) fn pulled(&mut self, pull: Pull) -> Abs {
        let (root, value) = self.nameless();
        self.pulls.push((root, pull));
        value
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

    pub(super) fn reads_param(&mut self, frame: &Frame, name: &str, required: bool, span: Span) -> Abs {
        self.reads_given(frame, (name, false), required && self.tolerant == 0, span)
    }

    /// What the run was given is read; code that asks first whether it was given is ready for less.
    pub(super) fn reads_conf(&mut self, frame: &Frame, name: &str, required: bool, span: Span) -> Abs {
        self.reads_given(frame, (name, true), required && self.tolerant == 0 && frame.perhaps == 0, span)
    }

    /// All reads of one name are of one value, whose use the first one tells.
    fn reads_given(&mut self, frame: &Frame, (name, conf): (&str, bool), required: bool, span: Span) -> Abs {
        let at = self.location(frame, span);
        let known = self.given_root(name, conf);
        let (root, value) = known.map_or_else(|| self.nameless(), |root| (root, Abs::rooted(root)));
        self.params.push((root, ParamRead { name: name.to_owned(), conf, required, usage: Use::default(), at }));
        value
    }

    /// Parameters are read whose names are not known.
    pub(super) fn reads_more(&mut self, frame: &Frame, span: Span) {
        self.params_more.get_or_insert(frame.at(span));
    }

    /// The root of a parameter, or of something that the run was given, that was read already.
    pub(super) fn given_root(&self, name: &str, conf: bool) -> Option<usize> {
        self.params.iter().find(|(_, read)| read.conf == conf && read.name == name).map(|(root, _)| *root)
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
        if self.is_caught(raised_by(what)) {
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
        let shape = value.loaded.as_deref().map_or(&value.shape, |loaded| &loaded.shape);
        let Some(found) = what.finds(shape) else { return };
        let Some(giver) = &value.giver else {
            if let Err(why) = found {
                self.asks_itself(frame, value, (what, why), span);
            }
            return;
        };
        let asked = self.asked.len();
        self.asks(frame, giver, (what.clone(), found.err()), span);
        if let Some(asked) = self.asked.get_mut(asked) {
            asked.never =
                value.shape == Shape::Named("coroutine".into()) || matches!(what, What::Dumped | What::Number);
            let loaded = value.loaded.as_deref().filter(|loaded| !loaded.holder.is_empty());
            asked.loaded = loaded.map(|loaded| Box::new((loaded.holder.to_string(), loaded.open)));
        }
    }

    /// Something is asked of a value that the function itself has made, and is not there: told where that is
    /// reached whatever happens, and nobody else may have changed the value.
    fn asks_itself(&mut self, frame: &Frame, value: &Abs, (what, why): (&What, String), span: Span) {
        let simple = value.shape == Shape::None || matches!(what, What::Number | What::Dumped);
        if simple {
            self.asks_of_own(frame, (what, why), span);
        }
    }

    /// Something that the function asks fails, whatever it was given.
    pub(super) fn asks_of_own(&mut self, frame: &Frame, (what, why): (&What, String), span: Span) {
        if frame.closures || frame.perhaps + frame.loops + self.tolerant > 0 {
            return;
        }
        let asked = self.asked.len();
        self.asks(frame, "", (what.clone(), Some(why)), span);
        if let Some(asked) = self.asked.get_mut(asked) {
            asked.never = true;
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
                loaded: None,
                at: self.location(frame, span),
            });
        }
    }

    /// A key of the run's context, or a variable of the process, is read that has to be there.
    pub(super) fn reads_of(&mut self, frame: &Frame, giver: &str, key: &str, span: Span) {
        let lacks = giver != CONTEXT || crate::dag::known::no_context_key(key, self.run.host.version);
        if lacks && self.tolerant == 0 {
            let why = Some(format!("KeyError: there is no `{key}` in it"));
            self.asks(frame, giver, (What::Key(key.to_owned()), why), span);
        }
    }

    /// What is pushed cannot be stored.
    pub(super) fn pushes_unstored(&mut self, frame: &Frame, value: &Abs, span: Span) {
        if let Some(what) = &value.unstored
            && frame.perhaps + frame.loops + self.tolerant == 0
        {
            self.unstored.get_or_insert((what.clone(), frame.at(span)));
        }
    }

    /// A value goes on to where it is not followed.
    pub(super) fn open(&mut self, frame: &Frame, value: &Abs, span: Span) {
        if matches!(value.is, Is::Params | Is::Conf | Is::Context) {
            self.reads_more(frame, span);
        }
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
        let loaded = value.loaded.as_deref().and_then(|whole| {
            let shape = match (&whole.shape, step) {
                (Shape::List(inner, _), _) if **inner != Shape::Any => (**inner).clone(),
                (Shape::Tuple(parts), Step::Index(at)) => parts.get(*at)?.clone(),
                (Shape::Dict(Some(keys)), Step::Key(key)) => keys.get(key)?.clone(),
                _ => return None,
            };
            Some(Rc::new(Loaded { holder: whole.holder.clone(), shape, open: whole.open }))
        });
        Abs { of, giver: value.giver.clone(), loaded, ..Abs::of_shape(shape) }
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
            closures: false,
            own: OnceCell::new(),
        }
    }

    /// Whether whatever the function returns is false in a test.
    fn denies(&self, def: &Function, frame: &Frame) -> bool {
        self.steps < STEPS && !def.generator && !def.is_async && frame.returns.iter().all(|(value, _)| value.denies())
    }

    /// What cannot be stored of all that the function returns, or of what it pushes.
    fn unstored(&self, frame: &Frame) -> Option<(Rc<str>, At)> {
        let of = |(value, span): &(Abs, Span)| value.unstored.clone().map(|what| (what, frame.at(*span)));
        let all: Option<Vec<_>> = frame.returns.iter().map(of).collect();
        let returned = all.filter(|_| self.steps < STEPS).and_then(|all| all.into_iter().next());
        self.unstored.clone().or(returned)
    }

    /// What the function returns, where that is decided, and the texts in it.
    fn returned(&self, def: &Function, frame: &Frame) -> (Shape, Span, Vec<(Rc<str>, At)>) {
        let first = frame.returns.first().map(|(_, span)| *span);
        let mut choices = Vec::new();
        let mut shapes = BTreeSet::new();
        for (value, _) in &frame.returns {
            shapes.insert(value.as_stored());
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
        if def.is_async && self.run.host.awaits_tasks() == Some(false) {
            return (Shape::Named("coroutine".into()), def.span, choices);
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

/// What Python may raise where a value is not what is asked of it.
fn raised_by(what: &What) -> &'static [&'static str] {
    match what {
        What::Key(_) => &["KeyError", "TypeError"],
        What::Index(_) => &["IndexError", "KeyError", "TypeError"],
        What::Attribute(_) => &["AttributeError"],
        What::Unpack(..) | What::Number | What::Whole => &["ValueError", "TypeError"],
        _ => &["TypeError", "ValueError", "AttributeError", "KeyError", "IndexError", "StopIteration"],
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
