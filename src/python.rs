//! Python, as far as it can be known without running it: syntax, names, values, imports.
//!
//! Invariants: the only user of tree-sitter. Knows no Airflow: what an outside function does is
//! said by a `Host` of `interpret`. Any bytes give a result within the bounds, never a panic; what
//! is not known is a value that says why and where.

pub(crate) mod canonical;
mod data;
pub(crate) mod interpret;
pub(crate) mod literal;
pub(crate) mod names;
pub(crate) mod parse;
pub(crate) mod program;
pub(crate) mod standard;
pub(crate) mod syntax;
#[cfg(test)]
mod tests;
pub(crate) mod tree;
pub(crate) mod value;

use std::cell::Cell;

/// Whether two sources of a path have equal syntax: comments, docstrings, formatting and the style of
/// quotes do not count, nor does the order in a row of imports of modules whose first name is
/// `installed`, and so none of the tree. Sources that do not parse are compared byte by byte.
pub fn same_code(path: &str, [a, b]: [&[u8]; 2], installed: impl Fn(&str) -> bool + Sync) -> bool {
    if a == b {
        return true;
    }
    with_deep_stack(|| match (&*parse::recent(path, a), &*parse::recent(path, b)) {
        (Ok(a), Ok(b)) => canonical::module(a, &installed) == canonical::module(b, &installed),
        _ => false,
    })
}

/// The first place that CPython 3.`minor` does not compile although a later release does, and what
/// stands there; none as well for what no release compiles.
pub fn too_new(bytes: &[u8], minor: u32) -> Option<(crate::content::Span, String)> {
    parse::too_new(bytes, minor).map(|error| (error.span, error.message))
}

/// Runs `work` where recursion up to the bounds of this module has room, whatever stack the
/// caller has.
pub(crate) fn with_deep_stack<T: Send>(work: impl Fn() -> T + Sync) -> T {
    let mut results = on_deep_stacks(1, work);
    results.remove(0)
}

thread_local! {
    /// Whether this thread has such a stack.
    static IS_DEEP: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` once on each of so many threads, at least one, that have such stacks; where one is
/// enough, on the thread that asks, if it is one of them.
pub(crate) fn on_deep_stacks<T: Send>(threads: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    /// Address space, not memory: pages are used as they are reached.
    const STACK: usize = 512 << 20;
    if threads <= 1 && IS_DEEP.get() {
        return vec![work()];
    }
    let work = || {
        IS_DEEP.set(true);
        work()
    };
    let work = &work;
    std::thread::scope(|scope| {
        let start = |_| {
            let thread = std::thread::Builder::new().name("python".to_owned()).stack_size(STACK);
            thread.spawn_scoped(scope, work).expect("a thread can be started: the program itself runs on several")
        };
        let running: Vec<_> = (0..threads.max(1)).map(start).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, T>| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        running.into_iter().map(join).collect()
    })
}
