//! What a task reads of what others stored: outputs in its arguments, pulls in its code, templates.

use super::value::RETURNED;
use crate::content::Location;
use crate::dag::Step;
use crate::dag::exchange::{Guard, Indexes, Names, Need, Use, What, template};
use crate::dag::{Callable, Dag, Shape, Task};
use std::borrow::Cow;

/// A read of what tasks stored under a key.
#[derive(Clone, Debug)]
pub(super) struct Read {
    /// The ids as they are named; several where a list is asked for.
    pub(super) producers: Vec<String>,
    /// Whether a list comes back.
    pub(super) many: bool,
    /// Another DAG whose tasks these are.
    pub(super) dag_id: Option<String>,
    pub(super) key: String,
    /// Whether what earlier runs stored comes back where this one has stored nothing.
    pub(super) prior: bool,
    /// Which values of a mapped task.
    pub(super) indexes: Indexes,
    pub(super) way: Way,
    /// What comes back if nothing is stored.
    pub(super) default: Option<Shape>,
    pub(super) usage: Use,
    pub(super) at: Location,
}

/// How a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// As an output in an argument: a key that is missing is an error.
    Argument,
    /// By `xcom_pull`: nothing is `None`.
    Pull,
}

/// The code of the tree that a task runs.
pub(in crate::diff) fn codes(task: &Task) -> impl Iterator<Item = &Callable> {
    task.callable.iter().chain(&task.methods).map(AsRef::as_ref)
}

/// All reads of a task of `dag` whose tasks and keys are known; `files` are the texts of its template files.
pub(super) fn of(dag: &Dag, task: &Task, files: &[Cow<str>]) -> Vec<Read> {
    let mut reads: Vec<Read> = task.takes.iter().map(|takes| of_argument(task, takes)).collect();
    let in_code = codes(task).flat_map(|code| code.exchange.pulls.iter().cloned());
    let texts = task.templates().chain(files.iter().map(AsRef::as_ref));
    let in_templates = texts.flat_map(|text| template::read(text, &task.at, dag.takes_undefined()).pulls);
    for pull in in_code.chain(in_templates) {
        let (Some(producers), Some(key)) = (pull.task_ids, pull.key) else { continue };
        let of_several = pull.many && pull.indexes != Indexes::All;
        if pull.indexes == Indexes::NotKnown || of_several {
            // Which of several values comes back depends on what other indexes stored.
            continue;
        }
        reads.push(Read {
            producers,
            many: pull.many,
            dag_id: pull.dag_id,
            prior: pull.prior,
            key,
            indexes: pull.indexes,
            way: Way::Pull,
            default: pull.default,
            usage: pull.usage,
            at: pull.at,
        });
    }
    reads
}

fn of_argument(task: &Task, takes: &crate::dag::Takes) -> Read {
    let open = || Use { open: Some(takes.at.clone()), open_parts: [Vec::new()].into(), ..Use::default() };
    let rows = task
        .mapped
        .as_ref()
        .is_some_and(|mapping| mapping.kwargs && mapping.over.iter().any(|over| over.tasks.contains(&takes.producer)));
    // The list of `expand_kwargs()` is given by position: it shows as what the first parameter takes.
    let first = || task.callable.as_deref().and_then(|code| code.parameters.first()).map(|(name, _)| name);
    let by_position = takes.parameter.is_none() || takes.parameter.as_ref() == first();
    let usage = match &takes.parameter {
        _ if rows && by_position => of_row(task, takes).unwrap_or_else(open),
        None => open(),
        Some(parameter) => {
            let uses: Vec<&Use> = codes(task).filter_map(|code| code.exchange.usage(parameter)).collect();
            let knows = |code: &Callable| code.parameters.iter().any(|(name, _)| name == parameter);
            match uses.as_slice() {
                // A parameter that no code asks anything of.
                [] if task.callable.as_deref().is_some_and(knows) => Use::default(),
                [] => open(),
                [first, rest @ ..] => rest.iter().fold((*first).clone(), |all, more| both(all, more)),
            }
        }
    };
    let usage = usage.of_part(&takes.path);
    let mapped = task.mapped.as_ref().is_some_and(|mapping| {
        mapping.over.iter().any(|over| {
            over.tasks.contains(&takes.producer) && (mapping.kwargs || takes.parameter.as_deref() == Some(&*over.arg))
        })
    });
    Read {
        producers: vec![takes.producer.to_string()],
        many: false,
        dag_id: None,
        prior: false,
        key: takes.key.clone(),
        indexes: Indexes::All,
        way: Way::Argument,
        default: None,
        usage: if mapped { each(usage, &takes.at) } else { usage },
        at: takes.at.clone(),
    }
}

/// The use of a row of `expand_kwargs()`: its keys are what the function takes. None where that is not known.
fn of_row(task: &Task, takes: &crate::dag::Takes) -> Option<Use> {
    let code = task.callable.as_deref().filter(|_| task.operator == "_PythonDecoratedOperator")?;
    let rows = format!("output({}", takes.producer);
    let partial = |name: &str| task.arguments.get(&format!("{name}()")).is_some_and(|text| !text.contains(&rows));
    let at = &takes.at;
    let asked = Names::of_callable(code).asked_of_row(&partial);
    let needs = asked.into_iter().map(|what| Need { path: Vec::new(), what, guards: Vec::new(), at: at.clone() });
    let mut usage = Use { needs: needs.collect(), ..Use::default() };
    for (name, of) in &code.exchange.uses {
        let under = |path: &[Step]| std::iter::once(Step::Key(name.clone())).chain(path.iter().cloned()).collect();
        usage.needs.extend(of.needs.iter().map(|need| Need {
            path: under(&need.path),
            guards: need.guards.iter().map(|guard| Guard { path: under(&guard.path), ..guard.clone() }).collect(),
            ..need.clone()
        }));
    }
    Some(usage)
}

fn both(mut all: Use, more: &Use) -> Use {
    all.needs.extend(more.needs.iter().cloned());
    all.open = all.open.or_else(|| more.open.clone());
    all.open_parts = all.open_parts.iter().chain(&more.open_parts).cloned().collect();
    all.expects_none |= more.expects_none;
    all
}

/// The use of a list each of whose elements is used so: what a task is mapped over.
fn each(usage: Use, at: &Location) -> Use {
    let element = |path: &[Step]| -> Vec<Step> { std::iter::once(Step::Element).chain(path.iter().cloned()).collect() };
    let mapped_over = Need { path: Vec::new(), what: What::Mapped, guards: Vec::new(), at: at.clone() };
    let needs = usage.needs.into_iter().map(|mut need| {
        need.path = element(&need.path);
        for guard in &mut need.guards {
            guard.path = element(&guard.path);
        }
        need
    });
    Use {
        needs: std::iter::once(mapped_over).chain(needs).collect(),
        open: usage.open,
        open_parts: usage.open_parts.iter().map(|path| element(path)).collect(),
        expects_none: false,
    }
}

impl Read {
    /// Whether it is a read of the same values as another one.
    pub(super) fn same_source(&self, other: &Self) -> bool {
        self.producers == other.producers && self.dag_id == other.dag_id && self.key == other.key
    }

    /// Whether what a task returns is read, and not what it pushed by key.
    pub(super) fn of_result(&self) -> bool {
        self.key == RETURNED
    }
}
