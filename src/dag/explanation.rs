//! How a DAG came about: the expressions, values, calls, loops and conditions behind its ids.
//!
//! Invariants: an explanation is gathered beside the model and never has a part in it; what was
//! not followed is left out.

use super::collect;
use super::models::import_order;
use super::world::location;
use super::world::{Made, MappingState, Named, Run};
use super::{Dag, Id};
use crate::content::{ContentPath, Layout, Location, Snapshot};
use crate::ids::{AirflowVersion, GroupId, TaskId};
use crate::python::interpret::{Around, How, StepRef};
use crate::python::tree::{Delivered, Tree};
use crate::python::value::{At, Object, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How one DAG came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What the model says of it.
    pub dag: Dag,
    /// How it was made.
    pub origin: Origin,
    /// How each of [`Inside::tasks`](super::Inside::tasks) was made, in that order.
    pub tasks: Vec<Origin>,
    /// How each of [`Inside::groups`](super::Inside::groups) was made, in that order.
    pub groups: Vec<Origin>,
    /// The text behind each of [`Inside::edges`](super::Inside::edges), in that order.
    pub edges: Vec<Quote>,
    /// The text behind each of [`Dag::unknown`], in that order.
    pub unknown: Vec<Quote>,
    /// Tasks that the model leaves out because it is not known whether they are made.
    pub left_out: Vec<LeftOut>,
}

/// A task that may be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its id, if it is made.
    pub task_id: Id<TaskId>,
    /// The call that would make it.
    pub made: Quote,
}

/// How a DAG, group or task was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The making call.
    pub made: Quote,
    /// The expression of its id; none where it has none of its own.
    pub id: Option<Quote>,
    /// The id before group prefixes and suffixes, where it is known.
    pub asked: Option<String>,
    /// The group whose prefix the id carries.
    pub prefix: Option<GroupId>,
    /// The text of what it is mapped over, one for each mapped argument.
    pub mapped: Vec<Quote>,
    /// What had the id already, so that a suffix was added.
    pub taken: Option<Location>,
    /// The values that went into the id, each before what it comes from itself.
    pub given: Vec<Given>,
    /// The calls, loops and conditions around the making call, outermost first; for a task or
    /// group, those beyond its DAG's own.
    pub around: Vec<Circumstance>,
}

/// A piece of the tree's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// On one line, shortened.
    pub text: String,
    /// Where it is written.
    pub at: Location,
}

/// A value that went into an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// As it is written where it was read: `table`, `self.name`, `config["id"]`.
    pub name: String,
    /// The value, shortened.
    pub value: String,
    /// How it got the value, and where.
    pub source: Source,
    /// The expression or head of the loop.
    pub quote: Quote,
    /// Where the value itself is written, if that is elsewhere.
    pub written: Option<Location>,
    /// How far behind the id's own expression, from 0.
    pub depth: usize,
}

/// How a value got a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It was assigned.
    Assigned,
    /// It is the element of a turn of a loop.
    Element {
        /// The number of the turn, from 1.
        turn: usize,
        /// Of how many.
        of: usize,
    },
    /// It is an argument of a call.
    Argument {
        /// Of which function.
        function: String,
    },
    /// It is the default of a parameter.
    Default {
        /// Of which function.
        function: String,
    },
    /// It was imported.
    Imported,
    /// It is not known; the value is the reason.
    NotKnown,
}

/// Something around a making call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Circumstance {
    /// A call of a function of the tree.
    Call {
        /// The function's name.
        function: String,
        /// The call.
        quote: Quote,
    },
    /// A turn of a loop.
    Turn {
        /// The number of the turn, from 1.
        turn: usize,
        /// Of how many.
        of: usize,
        /// The element, shortened.
        element: String,
        /// The head of the loop.
        quote: Quote,
        /// Where the element is written.
        written: Option<Location>,
    },
    /// A condition that was decided.
    Condition {
        /// How.
        holds: bool,
        /// The condition.
        quote: Quote,
    },
}

/// Longer texts are cut; an explanation is read.
const LONGEST: usize = 72;

/// Explains a DAG of that tree.
pub(super) fn explain(snapshot: &Snapshot, layout: Layout, airflow: Option<AirflowVersion>, dag: &Dag) -> Explanation {
    let delivered = Arc::new(Delivered::new(snapshot, layout, import_order(airflow)));
    let files: BTreeMap<_, _> =
        delivered.files().iter().enumerate().map(|(file, source)| (source.path.clone(), file)).collect();
    let mut found = None;
    if let Some(file) = files.get(&dag.file) {
        let mut look = |run: &Run, tree: &Tree, number: usize, other: &Dag| {
            // What a DAG reaches is not known while its file is evaluated.
            let same = Dag { reaches: dag.reaches.clone(), ..other.clone() } == *dag;
            if same && found.is_none() {
                found = Some(of_run(run, tree, &files, number, dag));
            }
        };
        collect::evaluate_and_look(&Tree::new(delivered.clone()), *file, airflow, &mut look);
    }
    found.unwrap_or_else(|| {
        // Nothing is known but that there may be a DAG.
        let quote = |at: &Location| Quote { text: String::new(), at: at.clone() };
        let made = quote(&dag.at);
        let unknown = dag.unknown.iter().map(|unknown| quote(&unknown.at)).collect();
        let origin = Origin {
            made,
            id: None,
            asked: None,
            prefix: None,
            mapped: Vec::new(),
            taken: None,
            given: Vec::new(),
            around: Vec::new(),
        };
        Explanation {
            dag: dag.clone(),
            origin,
            tasks: Vec::new(),
            groups: Vec::new(),
            edges: Vec::new(),
            unknown,
            left_out: Vec::new(),
        }
    })
}

/// Explains a DAG that has been described, from the run that made it.
fn of_run(run: &Run, tree: &Tree, files: &BTreeMap<ContentPath, usize>, number: usize, dag: &Dag) -> Explanation {
    let explain = Explain { run, tree, files };
    let state = &run.host.dags[number];
    let made = |made: Option<&Made>, at, outer: &[Around]| explain.origin(made, at, outer);
    let own = run.host.made.get(&Named::Dag(number));
    let outer = own.map(|made| made.around.clone()).unwrap_or_default();
    let mut origin = made(own, state.at, &[]);
    origin.asked = state.id.exact().map(ToString::to_string);
    let mut tasks = Vec::new();
    let mut left_out = Vec::new();
    for task in &state.tasks {
        let state = &run.host.tasks[*task];
        if state.maybe {
            let task_id = collect::id(&state.id, |id| TaskId::new(id));
            left_out.push(LeftOut { task_id, made: explain.quote(state.at) });
            continue;
        }
        let mut origin = made(run.host.made.get(&Named::Task(*task)), state.at, &outer);
        origin.mapped = explain.mapped(state.mapped.as_ref());
        origin.prefix = state
            .group
            .filter(|group| run.host.groups[*group].prefixes)
            .and_then(|group| run.host.groups[group].id.exact().map(|id| GroupId::new(&**id)));
        let wanted = origin.asked.as_ref().map(|asked| match &origin.prefix {
            Some(prefix) => format!("{prefix}.{asked}"),
            None => asked.clone(),
        });
        if let (Some(wanted), Some(id)) = (wanted, state.id.exact())
            && **id != *wanted
        {
            let tasks = run.host.dags[number].tasks.iter().map(|task| &run.host.tasks[*task]);
            let first = tasks.into_iter().find(|other| other.id.exact().is_some_and(|other| **other == *wanted));
            origin.taken = first.map(|first| location(tree, first.at));
        }
        tasks.push(origin);
    }
    let groups = state.groups.iter().filter(|group| !run.host.groups[**group].maybe).map(|group| {
        let state = &run.host.groups[*group];
        let mut origin = made(run.host.made.get(&Named::Group(*group)), state.at, &outer);
        origin.mapped = explain.mapped(state.mapped.as_ref());
        origin.prefix = state
            .parent
            .filter(|parent| run.host.groups[*parent].prefixes)
            .and_then(|parent| run.host.groups[parent].id.exact().map(|id| GroupId::new(&**id)));
        origin
    });
    let edges = dag.edges.iter().map(|edge| explain.quote_location(&edge.at)).collect();
    let unknown = dag.unknown.iter().map(|unknown| explain.quote_location(&unknown.at)).collect();
    Explanation { dag: dag.clone(), origin, tasks, groups: groups.collect(), edges, unknown, left_out }
}

struct Explain<'r, 't> {
    run: &'r Run<'t>,
    tree: &'r Tree,
    files: &'r BTreeMap<ContentPath, usize>,
}

impl Explain<'_, '_> {
    fn origin(&self, made: Option<&Made>, at: At, outer: &[Around]) -> Origin {
        let mut given = Vec::new();
        let mut around = Vec::new();
        if let Some(made) = made {
            if let Some(step) = made.id {
                self.given(step, 0, &mut BTreeSet::new(), &mut given);
            }
            let shared = made.around.iter().zip(outer).take_while(|(a, b)| a == b).count();
            around = made.around[shared..].iter().filter_map(|around| self.circumstance(around)).collect();
        }
        Origin {
            made: self.quote(at),
            id: made.and_then(|made| made.id_at).map(|at| self.quote(at)),
            asked: made.and_then(|made| made.asked.as_ref()).map(ToString::to_string),
            prefix: None,
            mapped: Vec::new(),
            taken: None,
            given,
            around,
        }
    }

    /// The names and parts that an expression read, and what those come from.
    fn given(&self, step: StepRef, depth: usize, seen: &mut BTreeSet<StepRef>, given: &mut Vec<Given>) {
        /// More than this explains nothing.
        const DEPTH: usize = 12;
        const COUNT: usize = 40;
        let Some(record) = self.run.record() else { return };
        if depth > DEPTH || given.len() >= COUNT || !seen.insert(step) {
            return;
        }
        let read = record.step(step);
        if let Some(from) = read.set
            && !matches!(read.value, Value::Outside(_) | Value::Module(_) | Value::Host(_))
            && !self.is_code(&read.value)
        {
            let set = record.step(from);
            let source = match &set.how {
                How::Element { turn, of } => Source::Element { turn: *turn, of: *of },
                How::Argument { function } => Source::Argument { function: function.to_string() },
                How::Default { function } => Source::Default { function: function.to_string() },
                How::Import => Source::Imported,
                How::Expression => Source::Assigned,
            };
            given.push(Given {
                name: self.source_text(read.at),
                value: self.value(&read.value),
                source,
                quote: self.quote(set.at),
                written: self
                    .written(&read.value, Some(from))
                    .filter(|written| !written.is_within(set.at))
                    .map(|at| location(self.tree, at)),
                depth,
            });
            self.behind(from, depth + 1, seen, given);
            return;
        }
        let before = given.len();
        for part in &read.from {
            self.given(*part, depth, seen, given);
        }
        // What is not known begins where nothing behind it is not known either.
        let begins = given[before..].iter().all(|given| given.source != Source::NotKnown);
        if let Value::Unknown(unknown) = &read.value
            && depth + 1 < DEPTH
            && begins
            && read.at == unknown.at
        {
            given.push(Given {
                name: self.source_text(read.at),
                value: unknown.reason.to_string(),
                source: Source::NotKnown,
                quote: self.quote(read.at),
                written: None,
                depth,
            });
        }
    }

    /// What the expression that set a name read itself.
    fn behind(&self, step: StepRef, depth: usize, seen: &mut BTreeSet<StepRef>, given: &mut Vec<Given>) {
        let Some(record) = self.run.record() else { return };
        let set = record.step(step);
        match set.how {
            // `b = a`: `a` is read, and comes from somewhere itself.
            How::Expression => self.given(step, depth, seen, given),
            // Of an import of an import, the last one counts; its own parts are the module's.
            How::Import => {
                for part in &set.from {
                    self.behind(*part, depth, seen, given);
                }
            }
            _ => {
                for part in &set.from {
                    self.given(*part, depth, seen, given);
                }
            }
        }
    }

    fn is_code(&self, value: &Value) -> bool {
        match value {
            Value::Object(object) => !matches!(
                self.run.object(*object),
                Object::List(_) | Object::Tuple(_) | Object::Set(_) | Object::Dict(_) | Object::Instance(_)
            ),
            _ => false,
        }
    }

    /// Where an element is written: of several values in one (`for key, value in …`), the first that
    /// is known.
    fn element_written(&self, value: &Value) -> Option<At> {
        let parts = self.run.items(value).unwrap_or(std::slice::from_ref(value));
        parts.iter().find_map(|part| self.written(part, None))
    }

    /// Where a value is written: a text's own place; of anything else, where an import leads.
    fn written(&self, value: &Value, from: Option<StepRef>) -> Option<At> {
        if let Value::Str(text) = value
            && text.at.is_some()
        {
            return text.at;
        }
        let record = self.run.record()?;
        let mut step = record.step(from?);
        if step.how != How::Import {
            return None;
        }
        while let (How::Import, Some(from)) = (&step.how, step.from.first()) {
            step = record.step(*from);
        }
        Some(step.at)
    }

    fn value(&self, value: &Value) -> String {
        /// Of a longer list the number says more.
        const FEW: usize = 4;
        match value {
            Value::Unknown(_) => "…".to_owned(),
            Value::Object(object) => match self.run.object(*object) {
                Object::List(items) | Object::Tuple(items) if items.items.len() > FEW => {
                    format!("{} elements", items.items.len())
                }
                Object::Dict(dict) if dict.len() > FEW => format!("{} entries", dict.len()),
                _ => shorten(&self.run.text(value)),
            },
            value => shorten(&self.run.text(value)),
        }
    }

    fn circumstance(&self, around: &Around) -> Option<Circumstance> {
        Some(match around {
            Around::Call { function, at } => {
                Circumstance::Call { function: function.to_string(), quote: self.quote(*at) }
            }
            Around::Turn { at, step } => {
                let step = self.run.record()?.step(*step);
                let How::Element { turn, of } = step.how else { return None };
                Circumstance::Turn {
                    turn,
                    of,
                    element: self.value(&step.value),
                    quote: self.quote(*at),
                    written: self.element_written(&step.value).map(|at| location(self.tree, at)),
                }
            }
            Around::Test { at, holds } => Circumstance::Condition { holds: *holds, quote: self.quote(*at) },
        })
    }

    fn mapped(&self, mapping: Option<&MappingState>) -> Vec<Quote> {
        mapping.into_iter().flat_map(|mapping| &mapping.over).map(|over| self.quote(over.at)).collect()
    }

    fn quote_location(&self, at: &Location) -> Quote {
        let file = self.files.get(&at.path).copied();
        file.map_or_else(|| Quote { text: String::new(), at: at.clone() }, |file| self.quote(At::new(file, at.span)))
    }

    fn quote(&self, at: At) -> Quote {
        Quote { text: self.source_text(at), at: location(self.tree, at) }
    }

    fn source_text(&self, at: At) -> String {
        let bytes = self.tree.bytes(at.file()).get(at.span.bytes()).unwrap_or_default();
        let text = String::from_utf8_lossy(bytes);
        let words: Vec<&str> = text.split_whitespace().collect();
        shorten(&words.join(" "))
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let beginning: String = text.chars().take(LONGEST - 1).collect();
    format!("{beginning}…")
}
