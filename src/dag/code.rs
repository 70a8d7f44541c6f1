//! The code that runs when a task does, read off its text: calls of other code of the tree, and the
//! contracts by which a deferred task goes on.
//!
//! Nothing here is evaluated. A [`Fault`] is what fails whenever the statement is reached; what a
//! text does not settle is no fault.

mod alone;
mod ask;
mod bases;
mod body;
mod callback;
mod deferral;
mod entry;
mod fields;
mod kinds;
mod only_read;
mod unbound;
mod walk;

pub use ask::{Ask, Asked, in_templates};
pub use body::Body;
pub use deferral::{Deferral, TriggerUse};
pub use only_read::Reads;
pub use unbound::Locals;
pub use walk::Fault;

use super::{Model, Task};
use crate::content::{ContentPath, Location};
use crate::ids::AirflowVersion;
use crate::python::program::{ClassRef, FunctionRef, Program, Target};
use crate::python::tree::Delivered;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

/// The files that a model was built from, so that its code can be looked at later.
#[derive(Clone, Default)]
pub(crate) struct Sources {
    delivered: Option<Arc<Delivered>>,
    /// The release that it was built for, where that is known.
    airflow: Option<AirflowVersion>,
}

impl Sources {
    pub(super) fn new(delivered: Arc<Delivered>, airflow: Option<AirflowVersion>) -> Self {
        Self { delivered: Some(delivered), airflow }
    }

    /// The release of Airflow that the model was built for; none for whatever release.
    pub(crate) fn airflow(&self) -> Option<AirflowVersion> {
        self.airflow
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sources")
    }
}

/// Two models are equal if what they say is.
impl PartialEq for Sources {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Sources {}

/// How many functions are looked at for one task.
const FUNCTIONS: usize = 2_000;

/// A function by its file, its place, and the address of the class of its instance.
type Key = (usize, u32, Option<usize>);

/// The code of one model's tree.
pub struct Code {
    program: Program,
    airflow: Option<AirflowVersion>,
    files: BTreeMap<ContentPath, usize>,
    /// Functions by file and place.
    functions: RefCell<BTreeMap<usize, BTreeMap<u32, entry::Indexed>>>,
    /// What each function does, by file, place and the class of its instance.
    seen: RefCell<BTreeMap<Key, Rc<walk::Seen>>>,
    /// What each function is, by file and place.
    bodies: RefCell<BTreeMap<(usize, u32), Rc<Body>>>,
    /// The names of each function, by file and place.
    locals: RefCell<BTreeMap<(usize, u32), Rc<Locals>>>,
    /// What each file asks for when it is parsed.
    parsed: RefCell<BTreeMap<usize, Vec<Ask>>>,
}

/// Runs `work` over the code of these models, where its recursion has room.
pub fn in_code<T: Send>(models: &[&Model], work: impl Fn(&[Code]) -> T + Sync) -> T {
    let sources: Vec<Sources> = models.iter().map(|model| model.sources.clone()).collect();
    crate::python::with_deep_stack(|| {
        let code: Vec<Code> = sources.iter().map(Code::new).collect();
        work(&code)
    })
}

impl Code {
    fn new(sources: &Sources) -> Self {
        let delivered = sources.delivered.clone().unwrap_or_else(|| {
            let nothing = crate::content::Snapshot::empty(crate::content::Revision::new(""));
            let layout = crate::content::Layout::default();
            Arc::new(Delivered::new(&nothing, layout, crate::content::ImportOrder::default()))
        });
        let files = delivered.files().iter().enumerate().map(|(file, source)| (source.path.clone(), file)).collect();
        Self {
            program: Program::new(delivered, bases::has_attribute),
            airflow: sources.airflow,
            files,
            functions: RefCell::default(),
            seen: RefCell::default(),
            bodies: RefCell::default(),
            locals: RefCell::default(),
            parsed: RefCell::default(),
        }
    }

    /// What certainly fails in the code of a task when an instance of it starts, each once.
    pub fn faults(&self, task: &Task) -> Vec<Fault> {
        let mut faults = self.argument_faults(task);
        faults.extend(self.mapped_operator_fault(task));
        faults.extend(self.nothing_to_execute(task));
        faults.extend(self.called_otherwise(task));
        faults.extend(self.template_faults(task));
        faults.extend(self.alone(task));
        faults.extend(self.reached(&self.entries(task)).1);
        faults
    }

    /// What certainly fails in a method of the task's operator, by which a deferred instance goes on.
    pub fn faults_of_method(&self, task: &Task, method: &str) -> Vec<Fault> {
        let Some(class) = self.operator(task) else { return Vec::new() };
        let Some(method) = self.program.method(&class, method) else { return Vec::new() };
        self.reached(&[(method, Some(class))]).1
    }

    /// How instances of a task defer themselves.
    pub fn deferrals(&self, task: &Task) -> Vec<Deferral> {
        let (seen, _) = self.reached(&self.entries(task));
        let mut deferrals: Vec<Deferral> = seen.iter().flat_map(|seen| seen.deferrals.iter().cloned()).collect();
        deferrals.sort();
        deferrals.dedup();
        deferrals
    }

    /// Where something of the tree is defined, by its qualified name.
    pub fn defined_at(&self, path: &str) -> Option<Location> {
        let (function, _) = self.definition(path)?;
        Some(self.location(function.file, function.def.span))
    }

    /// Whether a module of the tree is a package; none if the tree has none of that name.
    pub fn is_package(&self, module: &str) -> Option<bool> {
        match self.program.module(module, *self.files.values().next()?) {
            Target::Module(file) => Some(self.program.tree().is_package(file)),
            _ => None,
        }
    }

    /// Whether a module of the tree certainly has nothing of that name.
    pub fn lacks(&self, path: &str) -> bool {
        let from = self.files.values().next();
        from.is_some_and(|from| matches!(self.program.qualified(path, *from), Target::Missing("AttributeError", _)))
    }

    fn location(&self, file: usize, span: crate::content::Span) -> Location {
        Location { path: self.program.tree().path(file).clone(), span }
    }

    /// All functions that begin at these, and what fails in them.
    fn reached(&self, entries: &[(FunctionRef, Option<ClassRef>)]) -> (Vec<Rc<walk::Seen>>, Vec<Fault>) {
        let mut all = Vec::new();
        let mut faults: BTreeMap<(String, String), Fault> = BTreeMap::new();
        self.each_reached(entries, |_, seen| {
            for fault in &seen.faults {
                faults.entry(fault.key()).or_insert_with(|| fault.clone());
            }
            all.push(seen);
        });
        (all, faults.into_values().collect())
    }

    /// Visits all functions that begin at these, each once.
    fn each_reached(
        &self,
        entries: &[(FunctionRef, Option<ClassRef>)],
        mut visit: impl FnMut(&FunctionRef, Rc<walk::Seen>),
    ) {
        let mut open: Vec<(FunctionRef, Option<ClassRef>)> = entries.to_vec();
        open.reverse();
        let mut known = BTreeSet::new();
        while let Some((function, class)) = open.pop() {
            if known.len() >= FUNCTIONS {
                break;
            }
            let key = key(&function, class.as_ref());
            if !known.insert(key) {
                continue;
            }
            let seen = self.seen(key, &function, class.as_ref());
            open.extend(seen.calls.iter().rev().cloned());
            visit(&function, seen);
        }
    }

    fn seen(&self, key: Key, function: &FunctionRef, class: Option<&ClassRef>) -> Rc<walk::Seen> {
        if let Some(seen) = self.seen.borrow().get(&key) {
            return seen.clone();
        }
        let seen = Rc::new(walk::function(self, function, class));
        self.seen.borrow_mut().insert(key, seen.clone());
        seen
    }
}

fn key(function: &FunctionRef, class: Option<&ClassRef>) -> Key {
    (function.file, function.def.span.start, class.map(|class| Rc::as_ptr(&class.def).addr()))
}
