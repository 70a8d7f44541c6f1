//! What a DAG is made of, at hand or kept elsewhere until somebody looks.

use super::words::Words;
use super::{Callable, Dag, Inside, Task};
use crate::content::{Kept, Location, numbered};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// The names of the arguments that tasks are given.
pub(super) type Names = Arc<BTreeSet<Box<str>>>;

/// The inside of a DAG. Copies share it.
#[derive(Clone)]
pub(super) struct Held(Arc<Lazy>);

struct Lazy {
    /// Not in place: most are never looked at, and each is large.
    inside: OnceLock<Box<Inside>>,
    /// What tasks are given, as far as that is known without a look at them.
    names: OnceLock<Names>,
    /// What stands in the arguments and the functions of tasks, where that was looked up.
    words: OnceLock<Words>,
    kept: Option<Place>,
}

/// Where an inside is kept, and what its bytes come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct At {
    pub(super) from: u64,
    pub(super) length: u32,
    pub(super) sum: u64,
}

/// An inside that is not at hand.
pub(super) struct Place {
    pub(super) store: Arc<dyn Kept>,
    pub(super) at: At,
    /// Set where it was not there when somebody looked: then nothing that was said counts.
    pub(super) lost: Arc<AtomicBool>,
}

impl Place {
    fn bytes(&self) -> Option<Vec<u8>> {
        let bytes = self.store.read(self.at.from, usize::try_from(self.at.length).ok()?)?;
        (sum(&bytes) == self.at.sum).then_some(bytes)
    }
}

/// By which damage shows.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

impl Held {
    /// One that is kept elsewhere.
    pub(super) fn kept(place: Place, names: Names, words: Option<Words>) -> Self {
        let words = words.map(OnceLock::from).unwrap_or_default();
        Self(Arc::new(Lazy { inside: OnceLock::new(), names: names.into(), words, kept: Some(place) }))
    }

    /// Looks up which words stand in the arguments and the functions of tasks; `text` gives that of a
    /// function. What cannot be had leaves it open.
    pub(super) fn look_up_words<'t>(&self, text: impl Fn(&Location) -> Option<&'t [u8]>) {
        let mut words = Words::none();
        for task in &self.get().tasks {
            task.arguments.texts().for_each(|text| words.add(text.as_bytes()));
            match task.callable.as_ref().map(|callable| text(&callable.at)) {
                Some(Some(text)) => words.add(text),
                Some(None) => return,
                None => {}
            }
        }
        // Whoever was first has found the same.
        self.0.words.set(words).ok();
    }

    pub(super) fn words(&self) -> Option<&Words> {
        self.0.words.get()
    }

    fn get(&self) -> &Inside {
        self.0.inside.get_or_init(|| {
            let Some(place) = &self.0.kept else { return Box::default() };
            let inside = place.bytes().and_then(|bytes| read(&bytes)).unwrap_or_else(|| {
                place.lost.store(true, Ordering::Relaxed);
                Inside::default()
            });
            Box::new(inside)
        })
    }

    /// The bytes that it is kept as; none where they are not sound any more, or it cannot be written.
    pub(super) fn to_keep(&self) -> Option<Vec<u8>> {
        match &self.0.kept {
            Some(place) => place.bytes(),
            None => write(self.get()),
        }
    }

    /// The names of the arguments that its tasks are given.
    pub(super) fn names(&self) -> &Names {
        self.0.names.get_or_init(|| {
            let names = self.get().tasks.iter().flat_map(|task| task.arguments.names());
            let names: BTreeSet<&str> = names.collect();
            Arc::new(names.into_iter().map(Into::into).collect())
        })
    }
}

impl From<Inside> for Held {
    fn from(inside: Inside) -> Self {
        Self(Arc::new(Lazy {
            inside: Box::new(inside).into(),
            names: OnceLock::new(),
            words: OnceLock::new(),
            kept: None,
        }))
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.get() == other.get()
    }
}

impl Eq for Held {}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl Deref for Dag {
    type Target = Inside;

    fn deref(&self) -> &Inside {
        self.inside.get()
    }
}

impl Dag {
    /// Whether one of its tasks is given an argument of that name. Nobody has to look inside for that.
    pub fn gives(&self, argument: &str) -> bool {
        self.inside.names().contains(argument)
    }

    /// Whether that may stand between quotes in an argument or in the function of one of its tasks. Nobody
    /// has to look inside to know that it does not.
    pub fn may_quote(&self, text: &str) -> bool {
        self.inside.words().is_none_or(|words| words.may_hold(text.as_bytes()))
    }

    /// Whether that is one of its tasks, and not one like it. A task that somebody has at hand is in no
    /// DAG that nobody has looked into.
    pub fn holds(&self, task: &Task) -> bool {
        self.inside.0.inside.get().is_some_and(|inside| inside.tasks.iter().any(|own| std::ptr::eq(own, task)))
    }
}

#[cfg(test)]
impl std::ops::DerefMut for Dag {
    fn deref_mut(&mut self) -> &mut Inside {
        self.inside = self.inside.get().clone().into();
        Arc::get_mut(&mut self.inside.0).and_then(|lazy| lazy.inside.get_mut()).unwrap()
    }
}

/// An inside as it is written: a function that many tasks run stands there once.
#[derive(Serialize)]
struct ToWrite<'a> {
    callables: Vec<&'a Callable>,
    /// Of each task: what it runs, and its methods, by their numbers.
    runs: Vec<(Option<u32>, Vec<u32>)>,
    inside: &'a Inside,
}

#[derive(Deserialize)]
struct ToRead {
    callables: Vec<Arc<Callable>>,
    runs: Vec<(Option<u32>, Vec<u32>)>,
    inside: Inside,
}

fn write(inside: &Inside) -> Option<Vec<u8>> {
    let mut callables: Vec<&Callable> = Vec::new();
    let mut known: BTreeMap<*const Callable, u32> = BTreeMap::new();
    let mut runs = Vec::new();
    for task in &inside.tasks {
        let mut numbers = Vec::new();
        for callable in task.callable.iter().chain(&task.methods) {
            let next = u32::try_from(callables.len()).ok()?;
            let number = *known.entry(Arc::as_ptr(callable)).or_insert(next);
            if number == next {
                callables.push(callable);
            }
            numbers.push(number);
        }
        let own = usize::from(task.callable.is_some());
        let methods = numbers.split_off(own);
        runs.push((numbers.pop(), methods));
    }
    in_list(&ToWrite { callables, runs, inside })
}

fn read(bytes: &[u8]) -> Option<Inside> {
    let ToRead { callables, runs, mut inside } = of_list(bytes)?;
    let callable = |number: u32| callables.get(usize::try_from(number).ok()?).cloned();
    if runs.len() != inside.tasks.len() {
        return None;
    }
    for (task, (own, methods)) in inside.tasks.iter_mut().zip(runs) {
        task.callable = own.map(|own| callable(own).ok_or(())).transpose().ok()?;
        task.methods = methods.into_iter().map(callable).collect::<Option<_>>()?;
    }
    Some(inside)
}

/// A value in bytes, the paths in it as numbers of a list that stands before it.
pub(super) fn in_list(value: &impl Serialize) -> Option<Vec<u8>> {
    let (bytes, paths) = numbered::writing(|| postcard::to_allocvec(value));
    let mut all = postcard::to_allocvec(&paths).ok()?;
    all.extend(bytes.ok()?);
    Some(all)
}

/// The value that was written so; none for any other bytes.
pub(super) fn of_list<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (paths, rest) = postcard::take_from_bytes(bytes).ok()?;
    let (value, rest) = numbered::reading(paths, || postcard::take_from_bytes(rest)).ok()?.ok()?;
    rest.is_empty().then_some(value)
}
