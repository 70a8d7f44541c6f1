//! The DAG model: what Airflow would build from a tree, and where that cannot be known.
//!
//! Invariants: nothing here knows revisions, runs or levels. A DAG without an entry in `unknown`
//! is *complete*: its ids, tasks, edges, groups and mappings are exactly what Airflow builds.
//! Whatever is not known for certain puts a reason with a place there; a wrong "complete" is the
//! worst fault this module can have.

mod archive;
mod arguments;
mod asset;
mod builder;
mod choice;
mod closure;
pub mod code;
mod collect;
mod context;
mod discover;
mod edges;
pub mod exchange;
mod explanation;
mod few;
mod host;
mod ignored;
mod inside;
mod known;
mod late;
mod make;
mod mapping;
mod member;
mod models;
mod names;
mod nesting;
mod opaque;
mod operator;
pub(crate) mod options;
mod output;
mod outside;
mod refusal;
mod setup;
mod shape;
mod signature;
mod taskflow;
#[cfg(test)]
mod tests;
mod words;
mod world;

pub use choice::Choice;
pub use explanation::{Circumstance, Explanation, Given, LeftOut, Origin, Quote, Source};
pub use few::Few;
pub use models::Models;

use crate::content::{BlobId, ContentPath, Layout, Location, Snapshot};
use crate::ids::{AirflowVersion, DagId, GroupId, TaskId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// Everything that one tree defines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// By file, then by place.
    pub dags: Vec<Arc<Dag>>,
    /// Files that Airflow could not import.
    pub errors: Vec<FileError>,
    /// For each module of the tree: the modules of the tree that it imports, directly.
    /// Modules that import the same share the set.
    pub imports: Arc<BTreeMap<ContentPath, Arc<BTreeSet<ContentPath>>>>,
    /// What an Airflow without safe mode has beside them.
    pub(crate) passed_over: PassedOver,
    /// What it was built from.
    pub(crate) sources: code::Sources,
}

/// What files hold that Airflow's safe mode does not take for DAG files: they do not name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PassedOver {
    dags: Vec<Arc<Dag>>,
    errors: BTreeSet<FileError>,
}

impl Model {
    /// The DAGs that a file exposes.
    pub fn of_file(&self, file: &ContentPath) -> &[Arc<Dag>] {
        let start = self.dags.partition_point(|dag| dag.file < *file);
        let length = self.dags[start..].partition_point(|dag| dag.file == *file);
        &self.dags[start..start + length]
    }

    /// Whether a file that safe mode passes over defines a DAG. Nobody keeps a DAG file that Airflow does not
    /// see: where such a file is deployed, `dag_discovery_safe_mode` is off.
    pub fn passes_over_dags(&self) -> bool {
        self.passed_over.dags.iter().any(|dag| dag.dag_id.exact().is_some())
    }

    /// The model as an Airflow without safe mode has it.
    #[must_use]
    pub fn without_safe_mode(mut self) -> Self {
        let PassedOver { dags, errors } = std::mem::take(&mut self.passed_over);
        if dags.is_empty() && errors.is_empty() {
            return self;
        }
        self.dags.extend(dags);
        self.dags.sort_by(|a, b| a.file.cmp(&b.file));
        models::doubt_rivals(&mut self.dags);
        let errors: BTreeSet<FileError> = self.errors.into_iter().chain(errors).collect();
        Self { errors: errors.into_iter().collect(), ..self }
    }
}

/// A file that does not import.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileError {
    /// Where.
    pub at: Location,
    /// What Python would say, in one line.
    pub message: String,
}

/// An identity as far as the text holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Id<T> {
    /// Known for certain.
    Exact(T),
    /// One of these, depending on something outside.
    OneOf(Vec<T>),
    /// Begins and ends with these; the middle is not known.
    Pattern {
        /// Known beginning.
        prefix: String,
        /// Known end.
        suffix: String,
    },
}

impl<T> Id<T> {
    /// The id, if it is certain.
    pub fn exact(&self) -> Option<&T> {
        match self {
            Self::Exact(id) => Some(id),
            Self::OneOf(_) | Self::Pattern { .. } => None,
        }
    }
}

impl<T: std::borrow::Borrow<str>> Id<T> {
    /// Whether it is that text, or may be as far as is known.
    pub fn may_be(&self, text: &str) -> bool {
        match self {
            Self::Exact(id) => id.borrow() == text,
            Self::OneOf(ids) => ids.iter().any(|id| id.borrow() == text),
            Self::Pattern { prefix, suffix } => {
                text.len() >= prefix.len() + suffix.len() && text.starts_with(&**prefix) && text.ends_with(&**suffix)
            }
        }
    }
}

impl<T: fmt::Display> fmt::Display for Id<T> {
    /// What is not known shows as `…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(id) => id.fmt(f),
            Self::OneOf(ids) => {
                let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
                f.write_str(&ids.join(" | "))
            }
            Self::Pattern { prefix, suffix } => write!(f, "{prefix}…{suffix}"),
        }
    }
}

/// How the reason ends for which a DAG is not known whose id another file defines too.
pub(crate) const ANOTHER_OF_THE_ID: &str = "defines another DAG of the same id";

/// Why something is not known, and at which expression.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unknown {
    /// The expression.
    pub at: Location,
    /// In words, lower case, without a full stop.
    pub reason: String,
}

/// One DAG. What it is made of stands [`Inside`], which is read from where it is kept when somebody
/// looks at it: most DAGs of a tree are those of the last one, and nobody does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dag {
    /// Its id.
    pub dag_id: Id<DagId>,
    /// The file under the DAGs folder that exposes it.
    pub file: ContentPath,
    /// The call that makes it.
    pub at: Location,
    /// The expression that decided its id: the literal, or the decorated function's name.
    pub id_at: Location,
    /// Where the texts are written of which that expression made the id: the element of a loop, a
    /// constant of another module.
    pub id_parts: Vec<Location>,
    /// What is not known about it; empty means complete.
    pub unknown: Vec<Unknown>,
    /// Every file of the tree that the DAG's file reaches by imports, itself included: a change
    /// of any of them may change this DAG.
    pub reaches: Reaches,
    inside: inside::Held,
}

/// What a DAG is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inside {
    /// In the order in which they are made.
    pub tasks: Vec<Task>,
    /// In the order in which they are made; the root group is left out.
    pub groups: Vec<Group>,
    /// The dependencies between listed tasks, in the order in which their upstream tasks are
    /// made: what [`Task::upstream`] and [`Task::downstream`] say, with what declared each.
    pub edges: Vec<Edge>,
    /// What it is given about schedules, limits and callbacks, by name, each in canonical text; what
    /// it gives to its tasks stands behind `default_args.`.
    pub options: Arguments,
    /// The parameters of its runs (`params`) by name, each in canonical text; none if not all are
    /// known.
    pub params: Option<Arguments>,
    /// Where they are given, if they are.
    pub params_at: Option<Location>,
}

impl Dag {
    /// Whether ids, tasks, edges, groups and mappings are exactly what Airflow builds.
    pub fn complete(&self) -> bool {
        self.unknown.is_empty()
    }

    /// The option of a task in canonical text: its own, or what the nearest group around it or the DAG
    /// gives to all of their tasks.
    pub fn option<'a>(&'a self, task: &'a Task, name: &str) -> Option<&'a str> {
        let of_groups = || {
            let mut next = task.group.as_ref();
            // A group is inside of another at most as often as there are groups.
            for _ in &self.groups {
                let group = self.groups.iter().find(|group| group.group_id.exact() == next)?;
                if let Some(given) = group.defaults.get(name) {
                    return Some(given);
                }
                next = Some(group.parent.as_ref()?);
            }
            None
        };
        let of_dag = || self.options.get(&format!("default_args.{name}"));
        task.arguments.get(name).or_else(of_groups).or_else(of_dag)
    }

    /// The tasks of a group and of the groups in it.
    pub fn members<'d>(&'d self, group_id: &'d GroupId) -> impl Iterator<Item = &'d Task> {
        let inside = move |start: &GroupId| {
            let mut next = Some(start);
            for _ in 0..=self.groups.len() {
                match next {
                    Some(id) if id == group_id => return true,
                    Some(id) => {
                        let group = self.groups.iter().find(|group| group.group_id.exact() == Some(id));
                        next = group.and_then(|group| group.parent.as_ref());
                    }
                    None => return false,
                }
            }
            false
        };
        self.tasks.iter().filter(move |task| task.group.as_ref().is_some_and(inside))
    }

    /// Whether its templates take what is not defined for something else than an error (`template_undefined`).
    pub fn takes_undefined(&self) -> bool {
        self.options.get("template_undefined").is_some_and(|kind| kind != "None" && !kind.contains("Strict"))
    }

    /// The task of that id, if it is known for certain.
    pub fn task(&self, task_id: &TaskId) -> Option<&Task> {
        self.tasks.iter().find(|task| task.task_id.exact() == Some(task_id))
    }
}

/// Files of the tree that a DAG's file reaches by imports, itself included, and the data files
/// that were read or listed for it. Files that import the same share the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaches {
    file: ContentPath,
    imports: Arc<BTreeSet<ContentPath>>,
    data: Arc<BTreeSet<ContentPath>>,
}

impl Reaches {
    /// A file that imports and reads nothing.
    fn only(file: &ContentPath) -> Self {
        Self { file: file.clone(), imports: Arc::default(), data: Arc::default() }
    }

    /// Whether the file is among them.
    pub fn contains(&self, path: &ContentPath) -> bool {
        self.file == *path || self.imports.contains(path) || self.data.contains(path)
    }

    /// Whether one of these files is among them.
    pub(crate) fn meets(&self, paths: &BTreeSet<ContentPath>) -> bool {
        if paths.len() > self.imports.len() {
            return self.iter().any(|path| paths.contains(path));
        }
        paths.iter().any(|path| self.contains(path))
    }

    /// All of them, each once: the DAG's file, then what it imports in order, then what it reads.
    pub fn iter(&self) -> impl Iterator<Item = &ContentPath> {
        let data = self.data.iter().filter(|path| !self.imports.contains(*path));
        std::iter::once(&self.file).chain(self.imports.iter().chain(data).filter(|path| **path != self.file))
    }
}

/// One task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its id, with the prefixes of its groups.
    pub task_id: Id<TaskId>,
    /// The call that makes it.
    pub at: Location,
    /// The expression that decided its id: the literal, or the decorated function's name.
    pub id_at: Location,
    /// Where the texts are written of which that expression made the id: the element of a loop, a
    /// constant of another module.
    pub id_parts: Vec<Location>,
    /// The class name as Airflow shows it (`PythonOperator`, `_PythonDecoratedOperator`).
    pub operator: String,
    /// Where that class or decorator comes from (`airflow.operators.python.PythonOperator`,
    /// `airflow.decorators.task`, `operators.mine.MyOperator`); none if not known.
    pub operator_path: Option<Box<str>>,
    /// Its own mapping (`expand`, `expand_kwargs`); a task of a mapped group has none of its own.
    pub mapped: Option<Mapping>,
    /// Direct upstream tasks, from whatever declared the edge.
    pub upstream: Few<TaskId>,
    /// Direct downstream tasks.
    pub downstream: Few<TaskId>,
    /// Its innermost group.
    pub group: Option<GroupId>,
    /// `trigger_rule`, where one is set.
    pub trigger_rule: Option<Box<str>>,
    /// `multiple_outputs`, where it is set or follows from the return annotation.
    pub multiple_outputs: Option<bool>,
    /// The Python function that it runs, where that is one of the tree; tasks of one share it.
    #[serde(skip)]
    pub callable: Option<Arc<Callable>>,
    /// The methods that Airflow calls of a class of the tree (`execute`, `poke`, `choose_branch`).
    #[serde(skip)]
    pub methods: Vec<Arc<Callable>>,
    /// Arguments of the making call that the model does not hold elsewhere, by name, each in
    /// canonical text: two tasks with equal arguments are equal work. Arguments that have no
    /// influence on what runs (docs, labels) are left out.
    pub arguments: Arguments,
    /// Outputs of other tasks that it takes as arguments.
    pub takes: Vec<Takes>,
    /// What its callable takes from the functions around it and from defaults that are evaluated
    /// where it is defined: what one `def` in a factory makes differs by this alone.
    pub captured: Arguments,
    /// Whether it is a setup or a teardown (Airflow 2.7 and later).
    pub phase: Phase,
    /// Arguments of an operator of the tree that look like templates and are none: no `template_fields` names them.
    /// Hardly a task has any, and then no room is taken.
    pub unrendered: Option<Box<Few<Box<str>>>>,
    /// How it decides what of what comes after it runs, if it does.
    pub choice: Option<Choice>,
}

impl Task {
    /// The arguments that may be templates, each in canonical text.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        let is_plain =
            |name: &str| self.unrendered.as_ref().is_some_and(|plain| plain.iter().any(|other| **other == *name));
        let all = self.arguments.names().zip(self.arguments.texts());
        all.filter(move |(name, _)| !is_plain(name)).map(|(_, text)| text)
    }

    /// The operator whose work it does, which a decorator's tasks do as well: `PythonOperator` of `@task`.
    pub fn work(&self) -> &str {
        names::undecorated(&self.operator)
    }

    /// Whether what was not directly behind it when it chose is then skipped.
    pub fn is_branch(&self) -> bool {
        self.choice.is_some_and(Choice::keeps_what_goes_on)
    }
}

/// What a task is to the work around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// It is the work.
    #[default]
    Work,
    /// It prepares what the work needs (`@setup`, `as_setup`).
    Setup,
    /// It clears that away, whatever became of the work (`@teardown`, `as_teardown`).
    Teardown,
}

impl Phase {
    /// Airflow's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Work => "task",
            Self::Setup => "setup",
            Self::Teardown => "teardown",
        }
    }
}

/// Arguments of a call by name, each in canonical text. Most calls have a few, and there are as many
/// calls as tasks: one text with all of them takes a fraction of the room of a map.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Arguments {
    /// Each name with its text behind it, in the order of the names.
    all: Box<str>,
    /// Where each name and each text ends in it.
    ends: Box<[usize]>,
}

/// [`Arguments`] as they were kept; whether the ends are places in the text is still to be seen.
#[derive(Deserialize)]
struct Parts {
    all: Box<str>,
    ends: Box<[usize]>,
}

impl TryFrom<Parts> for Arguments {
    type Error = &'static str;

    fn try_from(Parts { all, ends }: Parts) -> Result<Self, Self::Error> {
        let ascending = ends.windows(2).all(|pair| pair[0] <= pair[1]);
        let whole = ends.last().copied().unwrap_or(0) == all.len() && ends.len() % 2 == 0;
        let fits = ascending && whole && ends.iter().all(|end| all.is_char_boundary(*end));
        if fits { Ok(Self { all, ends }) } else { Err("arguments whose parts are none of the text") }
    }
}

impl Arguments {
    fn of<Name: std::borrow::Borrow<str>>(given: &BTreeMap<Name, String>) -> Self {
        let length = given.iter().map(|(name, text)| name.borrow().len() + text.len()).sum();
        let (mut all, mut ends) = (String::with_capacity(length), Vec::with_capacity(2 * given.len()));
        for part in given.iter().flat_map(|(name, text)| [name.borrow(), text.as_str()]) {
            all.push_str(part);
            ends.push(all.len());
        }
        Self { all: all.into(), ends: ends.into() }
    }

    fn part(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[start..self.ends[index]]
    }

    fn len(&self) -> usize {
        self.ends.len() / 2
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|at| self.part(2 * at))
    }

    /// Their texts, in the order of the names.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|at| self.part(2 * at + 1))
    }

    /// The text of one.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.part(2 * middle).cmp(name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(self.part(2 * middle + 1)),
            }
        }
        None
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.names().zip(self.texts())).finish()
    }
}

/// A dependency between two tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The task that runs first.
    pub up: TaskId,
    /// The task that waits for it.
    pub down: TaskId,
    /// What declared it; the first, where several did.
    pub declared: Declared,
    /// That expression: both sides of a `>>`, the argument that holds the output, the `with`.
    pub at: Location,
}

/// What declares a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Declared {
    /// `>>`, `<<`, `set_upstream`, `chain` and their kin.
    Dependency,
    /// An output of the one task in an argument of the other.
    Argument,
    /// A `with` over a setup or teardown.
    Setup,
}

/// A TaskGroup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its id, with the prefixes of its parents.
    pub group_id: Id<GroupId>,
    /// The call that makes it.
    pub at: Location,
    /// The expression that decided its id: the literal, or the decorated function's name.
    pub id_at: Location,
    /// Its parent, if that is not the root.
    pub parent: Option<GroupId>,
    /// Its mapping, if it is mapped.
    pub mapped: Option<Mapping>,
    /// Whether members carry its id as a prefix (`prefix_group_id`).
    pub prefixes: bool,
    /// What it gives to its tasks (`default_args`), by name, as far as it is an option.
    pub defaults: Arguments,
}

/// What a mapped task or group is mapped over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// The `expand(…)` or `expand_kwargs(…)` call.
    pub at: Location,
    /// Whether it is `expand_kwargs`.
    pub kwargs: bool,
    /// One entry an argument, in the order of the call; the index of an instance counts the last
    /// argument fastest.
    pub over: Vec<MappedOver>,
}

impl Mapping {
    /// The number of instances, if all arguments are literal.
    pub fn count(&self) -> Option<usize> {
        self.over.iter().try_fold(1_usize, |product, over| product.checked_mul(over.length?))
    }
}

/// One mapped argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedOver {
    /// Its name; empty for `expand_kwargs`.
    pub arg: String,
    /// The expression that gives the list.
    pub at: Location,
    /// The number of elements, for a list that the text holds.
    pub length: Option<usize>,
    /// The elements in canonical text (`None` for one whose value is not known), for a list
    /// that the text holds.
    pub items: Option<Vec<Option<String>>>,
    /// Where each element is written; as long as `items`, or empty.
    pub items_at: Vec<Location>,
    /// The tasks whose outputs give the list.
    pub tasks: Few<TaskId>,
    /// For a list that outputs give: how, in canonical text. Outputs are there by their tasks' ids,
    /// functions (`map`) by their code, `zip` and `concat` with their operands in order.
    pub source: Option<Box<str>>,
}

/// A Python function of the tree that a task runs, as far as a contract rests on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callable {
    /// The name after `def`.
    pub name: String,
    /// The `def` line.
    pub at: Location,
    /// What it returns.
    pub returns: Shape,
    /// Where that was decided: the return statement, or the annotation.
    pub returns_at: Location,
    /// The declared type of each parameter, in order; [`Shape::Any`] without one.
    pub parameters: Vec<(String, Shape)>,
    /// Identity of the body's syntax: comments, docstrings, formatting, quotes and annotations do
    /// not count. Two callables of equal code do the same work.
    pub code: BlobId,
    /// What it exchanges with other tasks and with its run.
    pub exchange: exchange::Exchange,
}

/// The type and layout of a value that passes between tasks, as far as the text holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Shape {
    /// Nothing is known.
    Any,
    /// `None`, also of a function that returns nothing.
    None,
    /// A type by its name: `int`, `str`, `float`, `bool`, `bytes`, or a class.
    Named(Cow<'static, str>),
    /// A dict; with its keys and what they hold, if all are known.
    Dict(Option<BTreeMap<String, Shape>>),
    /// A list of such elements; with their number, where it is written out.
    List(Box<Shape>, Option<usize>),
    /// A tuple.
    Tuple(Vec<Shape>),
    /// An object of a class of the tree that has these fields.
    Record(String, BTreeMap<String, Shape>),
    /// One of several.
    Union(BTreeSet<Shape>),
}

/// A way from a value to a part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Step {
    /// `value["key"]`
    Key(String),
    /// `value.get("key")`: `None` where there is none.
    Get(String),
    /// `value[0]`, counted from the front.
    Index(usize),
    /// Some element: by iteration, or by an index that is not known.
    Element,
    /// `value.name`
    Attribute(String),
}

/// A task's use of another task's output as an argument.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Takes {
    /// The producing task.
    pub producer: TaskId,
    /// The XCom key: `return_value`, or the one subscripted.
    pub key: String,
    /// The parameter of the consumer that receives it, alone or within a list or dict.
    pub parameter: Option<String>,
    /// Where in that parameter's value it stands.
    pub path: Vec<Step>,
    /// The expression.
    pub at: Location,
}

/// Says how a DAG of the model of that tree came about: evaluates its file once more, with a record
/// of where values come from.
pub fn explain(snapshot: &Snapshot, layout: Layout, airflow: Option<AirflowVersion>, dag: &Dag) -> Explanation {
    crate::python::with_deep_stack(|| explanation::explain(snapshot, layout, airflow, dag))
}

/// Builds the model of a tree as that version of Airflow would; without one, whatever module some
/// supported version has is taken to be there.
///
/// Never fails: what is broken is in [`Model::errors`], what is not known in [`Dag::unknown`].
pub fn build(snapshot: &Snapshot, layout: Layout, airflow: Option<AirflowVersion>) -> Model {
    Models::new(1).build(snapshot, layout, airflow)
}
