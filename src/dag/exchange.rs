//! What a function hands over while it runs: the XComs that it pulls and pushes, the parameters of
//! the run that it reads, the tasks that it chooses, and how it uses each value that it is given.
//!
//! Invariants: a need says what would raise or come out differently, and on which part of the
//! value; where a value goes on to code that is not followed, its use is open and says where.

mod call;
mod express;
mod fit;
mod followed;
pub mod template;
mod walk;

pub use fit::Fit;
pub(crate) use walk::{CONTEXT, ENVIRONMENT};

use super::world::Run;
use super::{Callable, Few, Shape, Step};
use crate::content::Location;
use crate::python::syntax::{Expr, ExprKind, Function, Parameter, ParameterKind};
use crate::python::tree::Tree;
use crate::python::value::Ref;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a function of the tree exchanges with other tasks and with its run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// How it uses what its parameters hold, by their names in order; of an operator's `execute`, what
    /// the attributes of `self` hold.
    pub uses: Vec<(String, Use)>,
    /// XComs that it pulls by id.
    pub pulls: Vec<Pull>,
    /// XComs that it pushes by key.
    pub pushes: Vec<Push>,
    /// Where it pushes under a key that is not known.
    pub pushes_more: Option<Location>,
    /// Parameters of the run that it reads.
    pub params: Vec<ParamRead>,
    /// Where it reads one whose name is not known, or hands all of them on to code that is not followed.
    pub params_more: Option<Location>,
    /// Texts that it returns, alone or in a list: the ids that a branch chooses from.
    pub choices: Vec<(String, Location)>,
    /// What it asks of what functions of the tree give it, and of what modules of the tree hold.
    pub asked: Vec<Asked>,
    /// The exception that it raises whatever happens, by its last name, and where.
    pub raises: Option<Box<(String, Location)>>,
    /// Whether it may end by an exception, or by deferring.
    pub may_raise: bool,
    /// Whether whatever it returns is false in a test.
    pub denies: bool,
    /// What in all that it returns, or in what it pushes, Airflow cannot store, in words and where.
    pub unstored: Option<Box<(String, Location)>>,
    /// Which of its parameters it takes by name, in their order.
    pub takes: Vec<ByName>,
}

/// Whether a parameter of a function can be given by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ByName {
    /// It must be given something, by name or by place: there is no default.
    Needed,
    /// There is a default.
    Optional,
    /// It is given by place alone.
    Never,
    /// It is `**`: it takes all other names.
    Others,
}

impl ByName {
    fn of(parameter: &Parameter) -> Self {
        match parameter.kind {
            ParameterKind::Plain | ParameterKind::KeywordOnly if parameter.default.is_none() => Self::Needed,
            ParameterKind::Plain | ParameterKind::KeywordOnly => Self::Optional,
            ParameterKind::DoubleStar => Self::Others,
            _ => Self::Never,
        }
    }
}

/// What a function takes by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Each name, and whether there is no default for it.
    all: Vec<(String, bool)>,
    /// Whether it takes any other by `**`.
    more: bool,
}

impl Names {
    fn of(def: &Function) -> Self {
        Self::told(def.parameters.iter().map(|parameter| (&*parameter.name, ByName::of(parameter))))
    }

    /// Of a function that is described.
    pub fn of_callable(code: &Callable) -> Self {
        Self::told(code.parameters.iter().map(|(name, _)| name.as_str()).zip(code.exchange.takes.iter().copied()))
    }

    fn told<'n>(parameters: impl Iterator<Item = (&'n str, ByName)>) -> Self {
        let mut names = Self::default();
        for (name, taken) in parameters {
            match taken {
                ByName::Needed | ByName::Optional => names.all.push((name.to_owned(), taken == ByName::Needed)),
                ByName::Others => names.more = true,
                ByName::Never => {}
            }
        }
        names
    }

    /// What is asked of a row of `expand_kwargs()`: the context gives what has a name of its own there.
    pub fn asked_of_row(&self, partial: &dyn Fn(&str) -> bool) -> Vec<What> {
        self.asked_of_spread(&|name| partial(name) || super::known::context_key(name))
    }

    /// What is asked of a dict that is given by `**`, where these names are given already.
    pub fn asked_of_spread(&self, given: &dyn Fn(&str) -> bool) -> Vec<What> {
        let open = || self.all.iter().filter(|(name, _)| !given(name));
        let needed = open().filter(|(_, needed)| *needed).map(|(name, _)| What::Key(name.clone()));
        let only = What::Within(open().map(|(name, _)| name.clone()).collect());
        needed.chain((!self.more).then_some(only)).collect()
    }
}

/// Something that is asked of a value that other code of the tree gave, with what it finds there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The function that asks.
    pub within: String,
    /// What gave the value: `fetch()`, `SETTINGS`.
    pub giver: String,
    /// What is asked.
    pub what: What,
    /// Why that fails; none where it is there.
    pub why: Option<String>,
    /// Whether it was never there, whatever the function gave before: of what only runs when it is awaited.
    pub never: bool,
    /// Whether it is reached only under a test.
    pub perhaps: bool,
    /// The name of a module whose value this was when that was loaded, and whether that is a list or a dict.
    pub loaded: Option<Box<(String, bool)>>,
    /// Where.
    pub at: Location,
}

impl Exchange {
    /// How it uses what the parameter or attribute of that name holds; none if it does not.
    pub fn usage(&self, name: &str) -> Option<&Use> {
        self.uses.iter().find(|(used, _)| used == name).map(|(_, usage)| usage)
    }
}

/// How a value is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// What is asked of it, in the order of the text.
    pub needs: Vec<Need>,
    /// Where it goes on to code that is not followed, first of all.
    pub open: Option<Location>,
    /// The parts of it that do.
    pub open_parts: Few<Vec<Step>>,
    /// Whether the code asks whether there is a value at all.
    pub expects_none: bool,
}

impl Use {
    /// The use of what stands there in a value that is used so.
    #[must_use]
    pub fn of_part(&self, path: &[Step]) -> Self {
        if path.is_empty() {
            return self.clone();
        }
        let part = |own: &[Step]| -> Option<Vec<Step>> {
            let is_it = |(step, own): (&Step, &Step)| match (step, own) {
                (Step::Key(key), Step::Get(own)) => key == own,
                (step, own) => step == own || *own == Step::Element,
            };
            let same = own.len() >= path.len() && path.iter().zip(own).all(is_it);
            same.then(|| own[path.len()..].to_vec())
        };
        let needs = self.needs.iter().filter_map(|need| {
            let path = part(&need.path)?;
            let guards =
                need.guards.iter().filter_map(|guard| Some(Guard { path: part(&guard.path)?, ..guard.clone() }));
            Some(Need { path, guards: guards.collect(), ..need.clone() })
        });
        Self {
            needs: needs.collect(),
            open: self.open.clone(),
            open_parts: self.open_parts.iter().map(|own| part(own).unwrap_or_default()).collect(),
            expects_none: false,
        }
    }
}

/// One thing that is asked of a value or of a part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Need {
    /// Which part.
    pub path: Vec<Step>,
    /// What is asked.
    pub what: What,
    /// Under which tests of the same value.
    pub guards: Vec<Guard>,
    /// Where.
    pub at: Location,
}

/// What is asked of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum What {
    /// To have that key.
    Key(String),
    /// To have so many elements at least.
    Index(usize),
    /// To have exactly so many elements, or at least so many.
    Unpack(usize, bool),
    /// To have that attribute or method.
    Attribute(String),
    /// To be iterated.
    Iterate,
    /// To say whether something is in it.
    Contain,
    /// To have a length.
    Length,
    /// To be a mapping: `**value`.
    Spread,
    /// To be calculated with, together with something of that shape.
    Calculate(Shape),
    /// To be read as a number.
    Number,
    /// To be a whole number.
    Whole,
    /// To be put into a text.
    Text,
    /// To be a text that is read as JSON.
    Json,
    /// To be what `json.dumps()` can write by itself.
    Dumped,
    /// To be what `next()` takes an element of.
    Next,
    /// To have no other keys than these.
    Within(BTreeSet<String>),
    /// To be what Airflow maps a task over.
    Mapped,
    /// Of a function: to do its work where it is called, and not only to give something that would do it.
    Work,
    /// Of a function: to take what is given by place under these names, in this order; with the arguments in
    /// canonical text.
    Places(Vec<String>, String),
}

/// A test of a value under which something is asked of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Guard {
    /// Which part is tested.
    pub path: Vec<Step>,
    /// How.
    pub test: Test,
    /// Whether it holds there.
    pub holds: bool,
}

/// A test of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Test {
    /// It is of one of these types, by their last names.
    Is(BTreeSet<String>),
    /// It is `None`.
    IsNone,
    /// It is true.
    Truth,
    /// It has that key.
    Has(String),
    /// How long it is.
    Length,
    /// Something that is not read.
    Other,
}

/// A pull of XComs by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// The tasks; none if that is not known, or if any may be meant.
    pub task_ids: Option<Vec<String>>,
    /// Whether a list is given, and so a list is what comes back.
    pub many: bool,
    /// Which of a mapped task's values are asked for.
    pub indexes: Indexes,
    /// The DAG, where another one is named.
    pub dag_id: Option<String>,
    /// The key; none if it is not known.
    pub key: Option<String>,
    /// What comes back if nothing is stored, where that is not `None`.
    pub default: Option<Shape>,
    /// Whether runs before this one are looked at.
    pub prior: bool,
    /// How the value is used.
    pub usage: Use,
    /// The call.
    pub at: Location,
}

/// Which values of a mapped task a pull asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Indexes {
    /// All that there are.
    #[default]
    All,
    /// That of one index: the value itself comes back.
    One(usize),
    /// Those of these indexes: a list comes back.
    These(Vec<usize>),
    /// Some that are not known.
    NotKnown,
}

impl Indexes {
    /// As they stand in a call.
    fn of(expr: Option<&Expr>) -> Self {
        let index = |expr: &Expr| match expr.kind {
            ExprKind::Int(index) => usize::try_from(index).ok(),
            _ => None,
        };
        match expr.map(|expr| (expr, &expr.kind)) {
            None | Some((_, ExprKind::None)) => Self::All,
            Some((_, ExprKind::List(items) | ExprKind::Tuple(items))) => {
                items.iter().map(index).collect::<Option<_>>().map_or(Self::NotKnown, Self::These)
            }
            Some((expr, _)) => index(expr).map_or(Self::NotKnown, Self::One),
        }
    }
}

/// A push of an XCom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// Its key.
    pub key: String,
    /// What is stored.
    pub shape: Shape,
    /// The call.
    pub at: Location,
}

/// A read of one parameter of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamRead {
    /// Its name.
    pub name: String,
    /// Whether it is read of what the run itself was given (`dag_run.conf`), and not of `params`.
    pub conf: bool,
    /// Whether it is an error that there is none.
    pub required: bool,
    /// How the value is used.
    pub usage: Use,
    /// Where.
    pub at: Location,
}

/// What is learnt of a function by walking through it.
pub(super) struct Walked {
    pub(super) exchange: Exchange,
    /// What it returns, and where that is decided.
    pub(super) returns: Shape,
    pub(super) returns_at: crate::content::Span,
}

/// Walks through a function of the tree.
pub(super) fn of(run: &Run, tree: &Tree, function: Ref, method: bool) -> Option<Walked> {
    walk::function(run, tree, function, method)
}
