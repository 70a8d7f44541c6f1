//! From what was evaluated to the model: which DAGs a file exposes, and what is said of them.

use super::world::{DagState, MappingState, Name, Run, TaskState, Thing, World, location};
use super::{
    Arguments, Callable, Choice, Dag, Edge, Few, FileError, Group, Id, Inside, MappedOver, Mapping, Phase, Reaches,
    Takes, Task, Unknown, closure, exchange, options, shape,
};
use crate::content::{BlobId, ContentPath, Location, Span};
use crate::ids::{AirflowVersion, DagId, GroupId, TaskId};
use crate::python::canonical;
use crate::python::interpret::{Interp, LISTED};
use crate::python::syntax::Function;
use crate::python::tree::{Delivered, Tree};
use crate::python::value::{At, Object, Raised, Ref, Stop, Value};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// Someone who looks at a DAG while the run that made it is still there.
pub(super) type Look<'l> = &'l mut dyn FnMut(&Run, &Tree, usize, &Dag);

fn file_error(tree: &Tree, at: At, message: &str) -> FileError {
    FileError { at: location(tree, at), message: message.to_owned() }
}

/// What evaluating a DAG file gives.
#[derive(Debug, Default)]
pub(super) struct Evaluation {
    pub(super) dags: Vec<Arc<Dag>>,
    pub(super) errors: Vec<FileError>,
    /// Files of the tree that it read or listed; they decide it as what it imports does.
    pub(super) data: Arc<BTreeSet<ContentPath>>,
    /// Where chance has a say, and which.
    chances: BTreeSet<(At, &'static str)>,
}

impl Evaluation {
    /// One that was kept.
    pub(super) fn new(dags: Vec<Arc<Dag>>, errors: Vec<FileError>, data: Arc<BTreeSet<ContentPath>>) -> Self {
        Self { dags, errors, data, chances: BTreeSet::new() }
    }
}

/// Evaluates a DAG file. What its DAGs reach is not known here. Where it iterates what has no
/// order, or lists a folder in which Python may have put something, it is evaluated again in other
/// orders, with that: a DAG that then differs is not known.
pub(super) fn evaluate(tree: &Tree, file: usize, airflow: Option<AirflowVersion>) -> Evaluation {
    /// Orders that are tried, beside the first.
    const VARIATIONS: usize = 2;
    let mut first = evaluate_once(tree, file, airflow, 0, None);
    let mut chances = first.chances.iter();
    let listed = chances.clone().find(|(_, reason)| *reason == LISTED);
    let Some((place, reason)) = listed.or_else(|| chances.next()) else { return first };
    let doubt = Unknown { at: location(tree, *place), reason: (*reason).to_owned() };
    let mut more = false;
    for variation in 1..=VARIATIONS {
        let other = evaluate_once(tree, file, airflow, variation, None);
        for dag in &mut first.dags {
            let twin = other.dags.iter().find(|twin| twin.dag_id == dag.dag_id);
            if !twin.is_some_and(|twin| same_structure(dag, twin)) && !dag.unknown.contains(&doubt) {
                Arc::make_mut(dag).unknown.push(doubt.clone());
            }
        }
        more |= other.dags.iter().any(|dag| first.dags.iter().all(|twin| twin.dag_id != dag.dag_id));
        let errors = first.errors.len();
        first.errors.retain(|error| other.errors.contains(error));
        more |= errors > first.errors.len();
    }
    if more {
        first.dags.push(Arc::new(nameless(tree, file, doubt)));
    }
    first
}

/// A DAG of a file of which nothing is known, and why.
fn nameless(tree: &Tree, file: usize, unknown: Unknown) -> Dag {
    Dag {
        dag_id: Id::Pattern { prefix: String::new(), suffix: String::new() },
        file: tree.path(file).clone(),
        at: unknown.at.clone(),
        id_at: unknown.at.clone(),
        id_parts: Vec::new(),
        unknown: vec![unknown],
        reaches: Reaches::only(tree.path(file)),
        inside: Inside::default().into(),
    }
}

/// One evaluation, for one who looks: with a record of where values come from.
pub(super) fn evaluate_and_look(tree: &Tree, file: usize, airflow: Option<AirflowVersion>, look: Look) -> Evaluation {
    evaluate_once(tree, file, airflow, 0, Some(look))
}

/// Whether two evaluations made the same of a DAG, in whatever order.
fn same_structure(a: &Dag, b: &Dag) -> bool {
    let tasks = |dag: &Dag| {
        let mut tasks = dag.tasks.clone();
        tasks.sort_by(|a, b| a.task_id.cmp(&b.task_id));
        for task in &mut tasks {
            // Other evaluations make the same text of the same values.
            task.arguments = Arguments::default();
            task.captured = Arguments::default();
        }
        tasks
    };
    let groups = |dag: &Dag| {
        let mut groups = dag.groups.clone();
        groups.sort_by(|a, b| a.group_id.cmp(&b.group_id));
        groups
    };
    a.at == b.at && a.complete() == b.complete() && tasks(a) == tasks(b) && groups(a) == groups(b)
}

fn evaluate_once(
    tree: &Tree,
    file: usize,
    airflow: Option<AirflowVersion>,
    variation: usize,
    mut look: Option<Look>,
) -> Evaluation {
    let mut done = Evaluation::default();
    if tree.syntax(file).is_err() {
        // Said once, of the file.
        return done;
    }
    let mut run: Run = Interp::new(tree, World::new(airflow));
    if look.is_some() {
        run.start_record();
    }
    run.variation = variation;
    let start = At::new(file, Span::FILE);
    let result = run.run_file(file);
    done.data = Arc::new(run.read.iter().map(|file| tree.path(*file).clone()).collect());
    done.chances = std::mem::take(&mut run.chances);
    let mut stopped = None;
    let mut exposed: BTreeSet<usize> = run.host.registered.clone();
    let mut anonymous: Vec<(At, String)> = Vec::new();
    match result {
        Ok(scope) => {
            let names: Vec<(Rc<str>, Value)> = run.names(scope).iter().map(|(n, v)| (n.clone(), v.clone())).collect();
            for (name, value) in names {
                expose(&mut run, &name, &value, start, &mut exposed, &mut anonymous);
            }
        }
        Err(Stop::Raise(raised)) => {
            // The file that has a syntax error is reported as itself.
            if raised.certain || &*raised.class == "SyntaxError" {
                done.errors.push(file_error(tree, raised.at, &said(&raised)));
                return done;
            }
            stopped =
                Some((raised.at, format!("evaluation ends here: {}: {}", raised.class, shorten(&raised.message))));
        }
        Err(Stop::Limit(reason, at)) => stopped = Some((at, reason.to_string())),
        Err(Stop::Close(_)) => stopped = Some((start, "a generator was left".to_owned())),
    }
    if let Some((at, reason)) = stopped {
        for dag in 0..run.host.dags.len() {
            run.host.doubt(dag, at, reason.clone());
            exposed.insert(dag);
        }
        // What would come after is not seen.
        anonymous.push((at, reason));
    }
    anonymous.extend(run.host.doubts.iter().map(|doubt| (doubt.at, doubt.reason.to_string())));
    for patch in run.host.patches.clone() {
        for dag in &exposed {
            run.host.doubt(*dag, patch.at, patch.reason.clone());
        }
    }
    doubt_twins(&mut run, &exposed);
    // What it refuses afterwards leaves the others.
    for dag in exposed.clone() {
        if let Some((at, message)) = refused(&mut run, dag) {
            done.errors.push(file_error(tree, at, &message));
            exposed.remove(&dag);
        }
    }
    for dag in &exposed {
        let described = describe(&run, tree, *dag, file);
        if let Some(look) = &mut look {
            look(&run, tree, *dag, &described);
        }
        done.dags.push(Arc::new(described));
    }
    if let Some((at, reason)) = anonymous.into_iter().next() {
        done.dags.push(Arc::new(nameless(tree, file, Unknown { at: location(tree, at), reason })));
    }
    done
}

/// What Python says of an exception.
fn said(raised: &Raised) -> String {
    let message = shorten(&raised.message);
    match &*raised.class {
        "ImportError" | "ModuleNotFoundError" | "SyntaxError" => message,
        class if message.is_empty() => class.to_owned(),
        class if message.starts_with(class) => message,
        class => format!("{class}: {message}"),
    }
}

/// A reason that concerns a file as a whole.
pub(super) fn of_file(tree: &Delivered, file: usize, reason: &str) -> Unknown {
    let at = Location { path: tree.files()[file].path.clone(), span: Span::FILE };
    Unknown { at, reason: reason.to_owned() }
}

/// A DAG of which nothing is known but its file.
pub(super) fn anonymous(tree: &Delivered, file: usize, reason: &str) -> Dag {
    let unknown = of_file(tree, file, reason);
    Dag {
        dag_id: Id::Pattern { prefix: String::new(), suffix: String::new() },
        file: unknown.at.path.clone(),
        at: unknown.at.clone(),
        id_at: unknown.at.clone(),
        id_parts: Vec::new(),
        reaches: Reaches::only(&unknown.at.path),
        inside: Inside::default().into(),
        unknown: vec![unknown],
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(120).collect()
}

fn expose(
    run: &mut Run,
    name: &str,
    value: &Value,
    start: At,
    exposed: &mut BTreeSet<usize>,
    anonymous: &mut Vec<(At, String)>,
) {
    match value {
        Value::OneOf(values) => {
            for value in values.iter() {
                if let Some(Thing::Dag(dag)) = run.host_of(value).map(|host| run.host.thing(host).clone()) {
                    run.host.doubt(dag, start, "whether the file exposes the DAG is not known");
                    exposed.insert(dag);
                }
            }
        }
        Value::Unknown(unknown) => {
            for host in &unknown.hosts {
                if let Thing::Dag(dag) = run.host.thing(*host).clone() {
                    run.host.doubt(dag, unknown.at, format!("`{name}` may hold the DAG: {}", unknown.reason));
                    exposed.insert(dag);
                }
            }
            // What an outside function made may be a DAG; where names say so, we do too.
            let outside =
                unknown.root.as_deref().is_some_and(|root| super::names::meaning(root) == super::names::Meaning::Other);
            let text = unknown.root.as_deref().unwrap_or_default().to_ascii_lowercase();
            let called = unknown.text.contains('(');
            if outside && called && (name.to_ascii_lowercase().contains("dag") || text.contains("dag")) {
                anonymous.push((unknown.at, format!("`{name}` may be a DAG: {}", unknown.reason)));
            }
        }
        value => {
            if let Some(Thing::Dag(dag)) = run.host_of(value).map(|host| run.host.thing(host).clone()) {
                exposed.insert(dag);
            }
        }
    }
}

/// Why Airflow refuses a DAG after its file was run; a DAG that is not wholly known is only doubted.
fn refused(run: &mut Run, dag: usize) -> Option<(At, String)> {
    let state = &run.host.dags[dag];
    let why = state.refused.clone().or_else(|| super::setup::misfit(run, dag)).or_else(|| {
        let task = circle(run, dag)?;
        let at = run.host.tasks[task].at;
        let id = run.host.tasks[task].id.exact().map_or("?", |id| id);
        Some((at, format!("AirflowDagCycleException: the task `{id}` comes after itself")))
    });
    let (at, message) = why?;
    if !run.host.is_doubted(dag) {
        return Some((at, message));
    }
    run.host.doubt(dag, at, message);
    None
}

/// A task of a DAG that stands in a circle of dependencies.
fn circle(run: &Run, dag: usize) -> Option<usize> {
    let tasks = &run.host.dags[dag].tasks;
    let onward = |task: &usize| {
        let state = &run.host.tasks[*task];
        state.down.first().is_none_or(|down| down > task)
            && state.up.iter().all(|up| run.host.tasks[*up].dag == Some(dag))
    };
    // Where all go on to what was made later, and none waits for another DAG, there is none.
    if tasks.iter().all(onward) {
        return None;
    }
    let mut left: BTreeMap<usize, usize> = tasks.iter().map(|task| (*task, run.host.tasks[*task].up.len())).collect();
    let mut free: Vec<usize> = left.iter().filter(|(_, ups)| **ups == 0).map(|(task, _)| *task).collect();
    while let Some(task) = free.pop() {
        left.remove(&task);
        for down in &run.host.tasks[task].down {
            if let Some(ups) = left.get_mut(down) {
                *ups -= 1;
                if *ups == 0 {
                    free.push(*down);
                }
            }
        }
    }
    left.into_keys().next()
}

/// Of two DAGs of one id in a file Airflow keeps one; which, is not defined.
fn doubt_twins(run: &mut Run, exposed: &BTreeSet<usize>) {
    let mut by_id: BTreeMap<Rc<str>, Vec<usize>> = BTreeMap::new();
    for dag in exposed {
        if let Some(id) = run.host.dags[*dag].id.exact() {
            by_id.entry(id.clone()).or_default().push(*dag);
        }
    }
    for dags in by_id.values().filter(|dags| dags.len() > 1) {
        for dag in dags {
            let at = run.host.dags[*dag].at;
            run.host.doubt(*dag, at, "the file defines another DAG of the same id");
        }
    }
}

pub(super) fn id<T>(name: &Name, make: impl Fn(&str) -> T) -> Id<T> {
    match name {
        Name::Exact(name) => Id::Exact(make(name)),
        Name::OneOf(names) => Id::OneOf(names.iter().map(|name| make(name)).collect()),
        Name::Pattern { prefix, suffix } => Id::Pattern { prefix: prefix.clone(), suffix: suffix.clone() },
    }
}

/// The ids of the tasks that are listed, by their numbers in order.
struct Ids(Vec<(usize, TaskId)>);

impl Ids {
    fn of(run: &Run, listed: &[usize]) -> Self {
        let id = |task: &usize| run.host.tasks[*task].id.exact().map(|id| (*task, TaskId::new(&**id)));
        let mut ids: Vec<(usize, TaskId)> = listed.iter().filter_map(id).collect();
        ids.sort_unstable_by_key(|(task, _)| *task);
        Self(ids)
    }

    fn get(&self, task: usize) -> Option<&TaskId> {
        let (first, _) = self.0.first()?;
        // Most files make the tasks of one DAG in a row.
        let place = task.checked_sub(*first)?;
        if let Some((_, id)) = self.0.get(place).filter(|(at, _)| *at == task) {
            return Some(id);
        }
        let place = self.0.binary_search_by_key(&task, |(at, _)| *at).ok()?;
        Some(&self.0[place].1)
    }
}

struct Describe<'r, 't> {
    run: &'r Run<'t>,
    tree: &'r Tree,
    ids: Ids,
    /// Functions that were described: many tasks run the same.
    callables: RefCell<BTreeMap<Ref, Option<Arc<Callable>>>>,
    captured: RefCell<BTreeMap<Ref, Arguments>>,
    /// Their canonical texts.
    codes: RefCell<BTreeMap<Ref, Rc<str>>>,
}

fn describe(run: &Run, tree: &Tree, dag: usize, file: usize) -> Dag {
    let state: &DagState = &run.host.dags[dag];
    // Of a DAG that is changed by hand, nothing that was declared need still be so.
    let told = !state.touched && run.host.patches.is_empty();
    let listed: Vec<usize> = state.tasks.iter().copied().filter(|task| told && !run.host.tasks[*task].maybe).collect();
    let ids = Ids::of(run, &listed);
    let describe = Describe {
        run,
        tree,
        ids,
        callables: RefCell::default(),
        captured: RefCell::default(),
        codes: RefCell::default(),
    };
    let unknown = state
        .doubts
        .iter()
        .map(|doubt| Unknown { at: location(tree, doubt.at), reason: doubt.reason.to_string() })
        .collect();
    let inside = Inside {
        edges: describe.edges(&listed),
        options: Arguments::of(&options::of_dag(run, &state.options, state.default_args.as_ref())),
        tasks: listed.iter().map(|task| describe.task(*task)).collect(),
        groups: state
            .groups
            .iter()
            .copied()
            .filter(|group| told && !run.host.groups[*group].maybe)
            .map(|group| describe.group(group))
            .collect(),
        params: state.params.as_ref().map(Arguments::of),
        params_at: state.params_at.map(|at| location(tree, at)),
    };
    Dag {
        dag_id: id(&state.id, |id| DagId::new(id)),
        file: tree.path(file).clone(),
        at: location(tree, state.at),
        id_at: location(tree, state.id_at),
        id_parts: state.id_parts.iter().map(|at| location(tree, *at)).collect(),
        unknown,
        reaches: Reaches::only(tree.path(file)),
        inside: inside.into(),
    }
}

/// The arguments with a template in them that no template field names, where the fields are known.
fn unrendered(state: &TaskState) -> Option<Box<Few<Box<str>>>> {
    let fields = state.fields.as_ref()?;
    let is_plain =
        |name: &str, text: &str| exchange::template::is_template(text) && !fields.iter().any(|field| **field == *name);
    let plain = state.arguments.iter().filter(|(name, text)| is_plain(name, text)).map(|(name, _)| Box::from(&**name));
    let plain: Few<Box<str>> = plain.collect();
    (!plain.is_empty()).then(|| Box::new(plain))
}

impl Describe<'_, '_> {
    fn task(&self, task: usize) -> Task {
        let state: &TaskState = &self.run.host.tasks[task];
        Task {
            task_id: self.ids.get(task).map_or_else(|| id(&state.id, |id| TaskId::new(id)), |id| Id::Exact(id.clone())),
            at: self.location(state.at),
            id_at: self.location(state.id_at),
            id_parts: state.id_parts.iter().map(|at| self.location(*at)).collect(),
            operator: state.operator.clone(),
            operator_path: state.operator_path.as_deref().map(Box::from),
            mapped: state.mapped.as_ref().map(|mapping| self.mapping(mapping)),
            upstream: self.task_ids(&state.up),
            downstream: self.task_ids(&state.down),
            group: state.group.and_then(|group| self.group_id(group)),
            trigger_rule: state.trigger_rule.as_deref().map(Box::from),
            multiple_outputs: state.multiple_outputs,
            callable: state.callable.and_then(|function| self.callable(function, false)),
            methods: state.class.map(|class| self.methods(class)).unwrap_or_default(),
            arguments: Arguments::of(&state.arguments),
            takes: state
                .takes
                .iter()
                .filter_map(|takes| {
                    Some(Takes {
                        producer: self.ids.get(takes.producer)?.clone(),
                        key: takes.key.clone(),
                        parameter: takes.parameter.clone(),
                        path: takes.path.clone(),
                        at: self.location(takes.at),
                    })
                })
                .collect(),
            captured: state.callable.map(|function| self.captured(function)).unwrap_or_default(),
            phase: match (state.setup, state.teardown) {
                (_, true) => Phase::Teardown,
                (true, _) => Phase::Setup,
                _ => Phase::Work,
            },
            unrendered: unrendered(state),
            choice: match state.class {
                Some(class) => Choice::of_class(self.run, class),
                None => Choice::named(&state.operator),
            },
        }
    }

    fn edges(&self, listed: &[usize]) -> Vec<Edge> {
        let count = listed.iter().map(|up| self.run.host.tasks[*up].declared.len()).sum();
        let mut edges = Vec::with_capacity(count);
        for up in listed {
            let Some(up_id) = self.ids.get(*up) else { continue };
            let mut declared = self.run.host.tasks[*up].declared.clone();
            declared.sort_unstable_by_key(|(down, ..)| *down);
            for (down, declared, at) in declared {
                if let Some(down_id) = self.ids.get(down) {
                    let (up, down) = (up_id.clone(), down_id.clone());
                    edges.push(Edge { up, down, declared, at: self.location(at) });
                }
            }
        }
        edges
    }

    fn location(&self, at: At) -> Location {
        location(self.tree, at)
    }

    fn task_ids(&self, tasks: &BTreeSet<usize>) -> Few<TaskId> {
        tasks.iter().filter_map(|task| self.ids.get(*task).cloned()).collect()
    }

    fn group_id(&self, group: usize) -> Option<GroupId> {
        self.run.host.groups[group].id.exact().map(|id| GroupId::new(&**id))
    }

    fn group(&self, group: usize) -> Group {
        let state = &self.run.host.groups[group];
        Group {
            group_id: id(&state.id, |id| GroupId::new(id)),
            at: self.location(state.at),
            id_at: self.location(state.id_at),
            parent: state.parent.and_then(|parent| self.group_id(parent)),
            mapped: state.mapped.as_ref().map(|mapping| self.mapping(mapping)),
            prefixes: state.prefixes,
            defaults: Arguments::of(&options::defaults(self.run, state.default_args.as_ref(), "")),
        }
    }

    fn mapping(&self, mapping: &MappingState) -> Mapping {
        let over = mapping
            .over
            .iter()
            .map(|over| MappedOver {
                arg: over.arg.clone(),
                at: self.location(over.at),
                length: over.length,
                items: over.items.clone(),
                items_at: over.items_at.iter().map(|at| self.location(*at)).collect(),
                tasks: self.task_ids(&over.tasks),
                source: over.source.clone(),
            })
            .collect();
        Mapping { at: self.location(mapping.at), kwargs: mapping.kwargs, over }
    }

    /// The methods of a class of the tree that a run calls.
    fn methods(&self, class: Ref) -> Vec<Arc<Callable>> {
        let found = |name: &&str| match self.run.find_in_class(class, name, None) {
            Some((Ok(Value::Object(function)), _)) => self.callable(function, true),
            _ => None,
        };
        ["execute", "poke", "choose_branch"].iter().filter_map(found).collect()
    }

    fn callable(&self, function: Ref, method: bool) -> Option<Arc<Callable>> {
        if let Some(known) = self.callables.borrow().get(&function) {
            return known.clone();
        }
        let callable = self.describe_callable(function, method).map(Arc::new);
        self.callables.borrow_mut().insert(function, callable.clone());
        callable
    }

    fn captured(&self, function: Ref) -> Arguments {
        let mut known = self.captured.borrow_mut();
        let code = |def: &Function| self.code(function, def);
        known.entry(function).or_insert_with(|| closure::captured(self.run, function, code)).clone()
    }

    fn code(&self, function: Ref, def: &Function) -> Rc<str> {
        let mut known = self.codes.borrow_mut();
        known.entry(function).or_insert_with(|| canonical::function(def).into()).clone()
    }

    fn describe_callable(&self, function: Ref, method: bool) -> Option<Callable> {
        let exchange::Walked { exchange, returns, returns_at } = exchange::of(self.run, self.tree, function, method)?;
        let Object::Function(object) = self.run.object(function) else { return None };
        let def = &object.def;
        let at = |span| self.location(At::new(object.file, span));
        Some(Callable {
            name: def.name.to_string(),
            at: at(def.span),
            returns,
            returns_at: at(returns_at),
            parameters: def
                .parameters
                .iter()
                .map(|parameter| {
                    let shape = parameter.annotation.as_ref().map_or(super::Shape::Any, shape::annotation);
                    (parameter.name.to_string(), shape)
                })
                .collect(),
            code: BlobId::of(self.code(function, def).as_bytes()),
            exchange,
        })
    }
}
