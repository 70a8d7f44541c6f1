//! Which `with` statements over setups and teardowns are open.

use std::collections::BTreeMap;

/// The `with` statements over setups and teardowns that are open.
///
/// Airflow keeps the innermost setups and teardowns apart, with those around them, and for each
/// the teardowns or setups that belong to it; what is made inside comes between them when the
/// statement ends.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    pub(super) setup: Level,
    pub(super) teardown: Level,
    /// The teardowns of the innermost setup.
    pub(super) teardown_of_setup: Level,
    /// The setups of the innermost teardown.
    pub(super) setup_of_teardown: Level,
    pub(super) made: BTreeMap<Vec<usize>, Vec<usize>>,
    /// Whether tasks that are made now count: not after a statement within has ended.
    pub(super) active: bool,
}

/// The innermost tasks of a kind, and those around them.
#[derive(Debug, Default)]
pub(super) struct Level {
    pub(super) now: Vec<usize>,
    before: Vec<Vec<usize>>,
}

impl Level {
    pub(super) fn push(&mut self, tasks: Vec<usize>) {
        if !self.now.is_empty() && self.now != tasks {
            self.before.push(std::mem::take(&mut self.now));
        }
        self.now = tasks;
    }

    /// What ends, and what is the innermost after it.
    pub(super) fn pop(&mut self) -> (Vec<usize>, Vec<usize>) {
        let ended = std::mem::take(&mut self.now);
        self.now = self.before.pop().unwrap_or_default();
        (ended, self.now.clone())
    }
}

impl Contexts {
    /// Notes a task that is made.
    pub(super) fn made(&mut self, task: usize) {
        if !self.active {
            return;
        }
        for around in [&self.setup.now, &self.teardown.now] {
            if !around.is_empty() {
                self.made.entry(around.clone()).or_default().push(task);
            }
        }
    }
}
