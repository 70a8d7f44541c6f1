//! Airflow's side of an evaluation: the DAGs, tasks and groups that have been made so far.
//!
//! Invariant: nothing is ever claimed that may not be so. What is made or related under a
//! condition that is not known is marked, left out of the model, and its DAG is incomplete.

use super::nesting::Contexts;
use super::{Declared, Few};
use crate::content::Location;
use crate::ids::AirflowVersion;
use crate::python::interpret::{Around, HostRef, Interp, StepRef};
use crate::python::tree::Tree;
use crate::python::value::{Args, Argument, At, Ref, Unknown, Value};
use crate::switch;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The interpreter with this world.
pub(super) type Run<'t> = Interp<'t, World>;

/// An id as far as it is known; before prefixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Exact(Rc<str>),
    OneOf(Vec<Rc<str>>),
    Pattern { prefix: String, suffix: String },
}

impl Name {
    pub(super) fn exact(&self) -> Option<&Rc<str>> {
        match self {
            Self::Exact(name) => Some(name),
            _ => None,
        }
    }

    /// As the value that Python has of it.
    pub(super) fn value(&self, at: At) -> Value {
        match self {
            Self::Exact(name) => Run::text_value(name.clone(), at),
            Self::OneOf(names) => Value::OneOf(names.iter().map(|name| Value::str(name.clone())).collect()),
            Self::Pattern { prefix, suffix } => {
                let mut unknown = Unknown::new("an id is not known", at, "id");
                unknown.affix = Some((prefix.as_str().into(), suffix.as_str().into()));
                unknown.value()
            }
        }
    }

    /// With a text before it.
    pub(super) fn prefixed(self, before: &str) -> Self {
        match self {
            Self::Exact(name) => Self::Exact(format!("{before}{name}").into()),
            Self::OneOf(names) => Self::OneOf(names.iter().map(|name| format!("{before}{name}").into()).collect()),
            Self::Pattern { prefix, suffix } => Self::Pattern { prefix: format!("{before}{prefix}"), suffix },
        }
    }
}

/// Something that is not known about a DAG.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Doubt {
    pub(super) at: At,
    pub(super) reason: Rc<str>,
}

/// A DAG.
#[derive(Debug)]
pub(super) struct DagState {
    pub(super) id: Name,
    pub(super) at: At,
    pub(super) id_at: At,
    pub(super) id_parts: Vec<At>,
    pub(super) doubts: BTreeSet<Doubt>,
    /// Whether something that Airflow keeps about it is changed by hand.
    pub(super) touched: bool,
    pub(super) tasks: Vec<usize>,
    pub(super) groups: Vec<usize>,
    /// Ids in use, for suffixes.
    pub(super) ids: BTreeSet<Rc<str>>,
    /// The highest `__N` behind each of them: looking through all ids for every new one would cost
    /// the square of a loop's turns.
    pub(super) suffixes: BTreeMap<Rc<str>, u64>,
    /// Set when an id may be in use that is not in `ids`.
    pub(super) more_ids: bool,
    pub(super) group_ids: BTreeSet<Rc<str>>,
    pub(super) default_args: Option<Value>,
    /// Its options, as they were given.
    pub(super) options: Vec<(Rc<str>, Value)>,
    /// Whether leaving its `with` exposes it.
    pub(super) auto_register: bool,
    /// Whether it has a `start_date`, of its own or by `default_args`.
    pub(super) start: Given,
    /// Why Airflow refuses it after its file was run, where it does.
    pub(super) refused: Option<(At, String)>,
    /// Parameters of its runs by name, each in canonical text; none if not all are known.
    pub(super) params: Option<BTreeMap<String, String>>,
    /// Where they are given.
    pub(super) params_at: Option<At>,
}

/// Whether an argument is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    Yes,
    No,
    /// That depends on something that is not known.
    Unclear,
}

/// Something that was set on a task without a DAG and is not followed, or not yet.
#[derive(Clone, Debug)]
pub(super) struct Unsettled {
    pub(super) name: Rc<str>,
    pub(super) at: At,
    /// The group that it was given; it becomes a member when that adds it.
    pub(super) group: Option<usize>,
}

/// A task.
#[derive(Debug)]
pub(super) struct TaskState {
    pub(super) dag: Option<usize>,
    pub(super) id: Name,
    pub(super) at: At,
    pub(super) id_at: At,
    pub(super) id_parts: Vec<At>,
    pub(super) operator: String,
    pub(super) operator_path: Option<String>,
    pub(super) mapped: Option<MappingState>,
    pub(super) up: BTreeSet<usize>,
    pub(super) down: BTreeSet<usize>,
    /// What declared each of those below first, and where; in the order in which that was.
    pub(super) declared: Vec<(usize, Declared, At)>,
    pub(super) group: Option<usize>,
    pub(super) trigger_rule: Option<String>,
    pub(super) multiple_outputs: Option<bool>,
    pub(super) callable: Option<Ref>,
    /// Its class, where that is one of the tree.
    pub(super) class: Option<Ref>,
    /// The fields that are rendered, where they are known.
    pub(super) fields: Option<Few<Box<str>>>,
    pub(super) arguments: BTreeMap<Rc<str>, String>,
    pub(super) takes: Vec<TakesState>,
    /// Made under a condition that is not known.
    pub(super) maybe: bool,
    pub(super) setup: bool,
    pub(super) teardown: bool,
    pub(super) start: Given,
    /// Whether it is given a DAG.
    pub(super) home: Given,
    /// What was set on it before it had a DAG.
    pub(super) unsettled: Option<Unsettled>,
}

/// A group.
#[derive(Debug)]
pub(super) struct GroupState {
    pub(super) dag: Option<usize>,
    pub(super) id: Name,
    pub(super) at: At,
    pub(super) id_at: At,
    pub(super) parent: Option<usize>,
    pub(super) mapped: Option<MappingState>,
    pub(super) prefixes: bool,
    /// Members in order.
    pub(super) tasks: Vec<usize>,
    pub(super) groups: Vec<usize>,
    pub(super) default_args: Option<Value>,
    pub(super) maybe: bool,
    /// Tasks that the group as a whole was put after.
    pub(super) after: BTreeSet<usize>,
}

/// What something is mapped over.
#[derive(Clone, Debug)]
pub(super) struct MappingState {
    pub(super) at: At,
    pub(super) kwargs: bool,
    pub(super) over: Vec<OverState>,
}

/// One mapped argument.
#[derive(Clone, Debug)]
pub(super) struct OverState {
    pub(super) arg: String,
    pub(super) at: At,
    pub(super) length: Option<usize>,
    pub(super) items: Option<Vec<Option<String>>>,
    pub(super) items_at: Vec<At>,
    pub(super) tasks: BTreeSet<usize>,
    pub(super) source: Option<Box<str>>,
}

/// A use of another task's output.
#[derive(Clone, Debug)]
pub(super) struct TakesState {
    pub(super) producer: usize,
    pub(super) key: String,
    pub(super) parameter: Option<String>,
    /// Where in that it stands.
    pub(super) path: Vec<super::Step>,
    pub(super) at: At,
}

/// What stands at a side of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    Task(usize),
    Group(usize),
    /// The output of tasks, as a member of a list: no group is ever taken for it.
    Output(BTreeSet<usize>),
}

/// What a host object is.
#[derive(Clone, Debug)]
pub(super) enum Thing {
    Dag(usize),
    Task(usize),
    Group(usize),
    Output(Output),
    /// `@task(…)` before it is given its function.
    TaskDecorator {
        path: Rc<str>,
        args: Args,
    },
    /// A function that makes a task when it is called.
    Decorated(Decorated),
    DagDecorator(Args),
    DagFactory {
        function: Value,
        args: Args,
    },
    GroupDecorator(Args),
    GroupFactory {
        function: Value,
        args: Args,
        partial: Args,
    },
    /// `Operator.partial(…)`.
    Partial {
        class: Value,
        args: Args,
    },
    Label {
        up: Vec<Beside>,
        down: Vec<Beside>,
    },
    AssetDecorator {
        args: Args,
        multi: bool,
    },
    /// `DAG`, `BaseOperator` and the like in a state that is not followed.
    Opaque(Rc<str>),
}

/// An XComArg.
#[derive(Clone, Debug)]
pub(super) struct Output {
    pub(super) kind: OutputKind,
    /// The tasks that it refers to.
    pub(super) tasks: BTreeSet<usize>,
    /// Its key, where that is one task's.
    pub(super) key: Rc<str>,
    /// Whether it refers to anything but what tasks return.
    pub(super) custom: bool,
    pub(super) text: Rc<str>,
}

/// How an output came about, and so which class of Airflow's it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutputKind {
    /// Of one task.
    Plain,
    /// By `map`.
    Map,
    /// By `zip`.
    Zip,
    /// By `concat`.
    Concat,
    /// An element of what a group is mapped over.
    Element,
}

/// A function behind `@task`.
#[derive(Clone, Debug)]
pub(super) struct Decorated {
    pub(super) function: Value,
    pub(super) path: Rc<str>,
    pub(super) kind: Rc<str>,
    pub(super) args: Args,
    /// Arguments given by `partial`.
    pub(super) partial: Option<Args>,
    pub(super) setup: bool,
    pub(super) teardown: bool,
}

/// What has an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Named {
    Dag(usize),
    Group(usize),
    Task(usize),
}

/// How something with an id was made; noted for explanations alone.
#[derive(Debug)]
pub(super) struct Made {
    /// The expression of its id.
    pub(super) id_at: Option<At>,
    /// What that was evaluated from.
    pub(super) id: Option<StepRef>,
    /// The id before prefixes and suffixes.
    pub(super) asked: Option<Rc<str>>,
    pub(super) around: Vec<Around>,
}

/// Airflow while files are evaluated.
#[derive(Debug)]
pub(super) struct World {
    pub(super) version: Option<AirflowVersion>,
    pub(super) things: Vec<Thing>,
    pub(super) dags: Vec<DagState>,
    pub(super) tasks: Vec<TaskState>,
    pub(super) groups: Vec<GroupState>,
    pub(super) dag_stack: Vec<usize>,
    pub(super) group_stack: Vec<usize>,
    /// Setups and teardowns whose `with` is open, with the tasks made inside.
    pub(super) contexts: Contexts,
    /// DAGs that leaving a `with` exposed.
    pub(super) registered: BTreeSet<usize>,
    /// What is not known about the file as a whole.
    pub(super) doubts: BTreeSet<Doubt>,
    /// What was replaced in Airflow itself, so that no DAG of the file is what it seems.
    pub(super) patches: BTreeSet<Doubt>,
    /// Filled while a record is kept.
    pub(super) made: BTreeMap<Named, Made>,
}

impl World {
    pub(super) fn new(version: Option<AirflowVersion>) -> Self {
        Self {
            version,
            things: Vec::new(),
            dags: Vec::new(),
            tasks: Vec::new(),
            groups: Vec::new(),
            dag_stack: Vec::new(),
            group_stack: Vec::new(),
            contexts: Contexts::default(),
            registered: BTreeSet::new(),
            doubts: BTreeSet::new(),
            patches: BTreeSet::new(),
            made: BTreeMap::new(),
        }
    }

    /// The first part of the version, if that is known.
    pub(super) fn major(&self) -> Option<u32> {
        self.version.map(|version| version.major)
    }

    /// Whether what a task runs is awaited where it is `async`: never on Airflow 2, since 3.2 always (measured on
    /// 2.6.2, 2.11.2 and 3.3.2); in between that is for the provider to say.
    pub(super) fn awaits_tasks(&self) -> Option<bool> {
        match self.version.map(|version| (version.major, version.minor))? {
            (..3, _) => Some(false),
            (3, ..2) => None,
            _ => Some(true),
        }
    }

    pub(super) fn add(&mut self, thing: Thing) -> Value {
        self.things.push(thing);
        Value::Host(HostRef(self.things.len() - 1))
    }

    pub(super) fn thing(&self, host: HostRef) -> &Thing {
        &self.things[host.0]
    }

    /// Notes that something about a DAG is not known.
    pub(super) fn doubt(&mut self, dag: usize, at: At, reason: impl Into<Rc<str>>) {
        /// A DAG in doubt about more than this is not described any better by more.
        const DOUBTS: usize = 200;
        if self.dags[dag].doubts.len() < DOUBTS {
            self.dags[dag].doubts.insert(Doubt { at, reason: reason.into() });
        }
    }

    /// Whether something is not known about a DAG so far.
    pub(super) fn is_doubted(&self, dag: usize) -> bool {
        !self.dags[dag].doubts.is_empty()
    }

    /// Notes that something that Airflow keeps about these objects is changed by hand.
    pub(super) fn doubt_touched(&mut self, objects: &[HostRef], at: At) {
        for dag in self.dags_of(objects) {
            self.dags[dag].touched = true;
            self.doubt(dag, at, "something that Airflow keeps about the DAG is changed by hand");
        }
    }

    /// The DAGs that host objects belong to.
    pub(super) fn dags_of(&self, hosts: &[HostRef]) -> BTreeSet<usize> {
        let mut dags = BTreeSet::new();
        for host in hosts {
            match self.thing(*host) {
                Thing::Dag(dag) => {
                    dags.insert(*dag);
                }
                Thing::Task(task) => dags.extend(self.tasks[*task].dag),
                Thing::Group(group) => dags.extend(self.groups[*group].dag),
                Thing::Output(Output { tasks, .. }) => {
                    dags.extend(tasks.iter().filter_map(|task| self.tasks[*task].dag));
                }
                Thing::Label { up, down } => {
                    dags.extend(up.iter().chain(down).filter_map(|node| match node {
                        Beside::Task(task) => self.tasks[*task].dag,
                        Beside::Group(group) => self.groups[*group].dag,
                        Beside::Output(tasks) => tasks.first().and_then(|task| self.tasks[*task].dag),
                    }));
                }
                _ => {}
            }
        }
        dags
    }

    /// The DAG whose `with` is open.
    pub(super) fn current_dag(&self) -> Option<usize> {
        self.dag_stack.last().copied()
    }

    /// The group whose `with` is open, of whichever DAG: what is made inside becomes its member.
    pub(super) fn current_group(&self) -> Option<usize> {
        self.group_stack.last().copied()
    }

    /// Whether a group or one around it is mapped.
    pub(super) fn mapped_above(&self, group: usize) -> bool {
        let mut open = Some(group);
        while let Some(group) = open {
            if self.groups[group].mapped.is_some() {
                return true;
            }
            open = self.groups[group].parent;
        }
        false
    }

    /// What goes before the ids of a group's members.
    pub(super) fn member_prefix(&self, group: usize) -> Option<Name> {
        let group = &self.groups[group];
        (group.prefixes && !switch::off("group prefix")).then(|| group.id.clone())
    }

    /// A name as a member of a group has it.
    pub(super) fn child(&self, group: Option<usize>, name: Name) -> Name {
        match group.and_then(|group| self.member_prefix(group)) {
            None => name,
            Some(Name::Exact(prefix)) => name.prefixed(&format!("{prefix}.")),
            Some(Name::OneOf(prefixes)) => match name {
                Name::Exact(name) => {
                    Name::OneOf(prefixes.iter().map(|prefix| format!("{prefix}.{name}").into()).collect())
                }
                _ => Name::Pattern { prefix: String::new(), suffix: String::new() },
            },
            Some(Name::Pattern { prefix, suffix }) => match name {
                Name::Exact(name) => Name::Pattern { prefix, suffix: format!("{suffix}.{name}") },
                Name::Pattern { suffix, .. } => Name::Pattern { prefix, suffix },
                Name::OneOf(_) => Name::Pattern { prefix, suffix: String::new() },
            },
        }
    }
}

/// Notes how something was made, while a record is kept; `name` is that of the argument that gives
/// its id.
pub(super) fn note(run: &mut Run, named: Named, given: Option<&Argument>, name: &str) {
    if run.record().is_none() {
        return;
    }
    let id = given.and_then(|given| run.argument_step(given, name));
    let id_at = match id.zip(run.record()) {
        Some((step, record)) => Some(record.step(step).at),
        None => given.map(|given| given.at),
    };
    let asked = given.and_then(|given| name_of(run, &given.value).exact().cloned());
    let around = run.around();
    run.host.made.insert(named, Made { id_at, id, asked, around });
}

/// Notes, for a DAG, the conditions under which the current statement runs.
pub(super) fn doubt_conditions(run: &mut Run, dag: usize) {
    for why in run.conditions() {
        let reason = format!("depends on a condition that is not known: {}", why.reason);
        run.host.doubt(dag, why.at, reason);
    }
}

/// What an id's value says.
pub(super) fn name_of(run: &Run, value: &Value) -> Name {
    match value {
        Value::Str(text) => Name::Exact(text.text.clone()),
        Value::OneOf(values) => match values.iter().map(|value| value.as_str().cloned()).collect::<Option<Vec<_>>>() {
            Some(names) => Name::OneOf(names),
            None => Name::Pattern { prefix: String::new(), suffix: String::new() },
        },
        Value::Unknown(unknown) => {
            let (prefix, suffix) = unknown.affix.clone().unwrap_or_else(|| ("".into(), "".into()));
            Name::Pattern { prefix: prefix.to_string(), suffix: suffix.to_string() }
        }
        other => match other {
            // A member of `class Ids(str, Enum)` is its text.
            Value::Object(object) => match run.object(*object) {
                crate::python::value::Object::Instance(instance) => match instance.attributes.get("_value_") {
                    Some(Value::Str(text)) => Name::Exact(text.text.clone()),
                    _ => Name::Pattern { prefix: String::new(), suffix: String::new() },
                },
                _ => Name::Pattern { prefix: String::new(), suffix: String::new() },
            },
            _ => Name::Pattern { prefix: String::new(), suffix: String::new() },
        },
    }
}

/// Why an id is not known.
pub(super) fn name_doubt(value: &Value, what: &str) -> String {
    match value {
        Value::Unknown(unknown) => format!("{what} is not known: {}", unknown.reason),
        Value::OneOf(_) => format!("{what} is one of several"),
        _ => format!("{what} is not a text that can be evaluated"),
    }
}

/// The place in the tree of a place in one of its files.
pub(super) fn location(tree: &Tree, at: At) -> Location {
    Location { path: tree.path(at.file()).clone(), span: at.span }
}
