//! Edges, trigger rules, setups and teardowns.

/// What became of the order of tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Graph {}

impl Graph {
    pub(super) const WORDS: &[&str] = &[];

    pub(super) fn word(&self) -> &'static str {
        match *self {}
    }

    pub(super) fn subject(&self) -> Option<String> {
        match *self {}
    }

    pub(super) fn before(&self) -> String {
        match *self {}
    }

    pub(super) fn after(&self) -> String {
        match *self {}
    }
}
