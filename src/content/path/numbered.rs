//! Paths as numbers of a list, while values that hold many are written or read: each place of a
//! model names its file, and a few files have them all.

use super::{PathProblem, checked};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Default)]
struct List {
    paths: Vec<Arc<str>>,
    numbers: BTreeMap<Arc<str>, u32>,
}

thread_local! {
    /// The list of the value that this thread is writing or reading, if it is.
    static LIST: RefCell<Option<List>> = const { RefCell::new(None) };
}

/// Takes the list away again, also from work that ends in a panic.
struct Ended;

impl Drop for Ended {
    fn drop(&mut self) {
        LIST.with(|list| list.borrow_mut().take());
    }
}

/// Runs work that writes values; with what it gives, the paths whose numbers it wrote.
pub(crate) fn writing<T>(work: impl FnOnce() -> T) -> (T, Vec<Arc<str>>) {
    LIST.with(|list| *list.borrow_mut() = Some(List::default()));
    let ended = Ended;
    let result = work();
    let paths = LIST.with(|list| list.borrow_mut().take()).unwrap_or_default().paths;
    drop(ended);
    (result, paths)
}

/// Runs work that reads what was written so. The texts are checked to be paths here, once each.
pub(crate) fn reading<T>(paths: Vec<Arc<str>>, work: impl FnOnce() -> T) -> Result<T, PathProblem> {
    paths.iter().try_for_each(|path| checked(path))?;
    LIST.with(|list| *list.borrow_mut() = Some(List { paths, numbers: BTreeMap::new() }));
    let ended = Ended;
    let result = work();
    drop(ended);
    Ok(result)
}

pub(super) fn write<S: Serializer>(path: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    let number = LIST.with(|list| {
        let mut list = list.borrow_mut();
        let List { paths, numbers } = list.as_mut()?;
        if let Some(number) = numbers.get(path) {
            return Some(*number);
        }
        let number = u32::try_from(paths.len()).ok()?;
        paths.push(path.clone());
        numbers.insert(path.clone(), number);
        Some(number)
    });
    number.ok_or_else(|| serde::ser::Error::custom("a path is written in a list only"))?.serialize(serializer)
}

pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    let number = usize::try_from(u32::deserialize(deserializer)?).unwrap_or(usize::MAX);
    let path = LIST.with(|list| list.borrow().as_ref().and_then(|list| list.paths.get(number).cloned()));
    path.ok_or_else(|| D::Error::custom("a path that is not in the list"))
}
