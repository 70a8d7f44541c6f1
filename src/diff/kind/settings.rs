//! Options of tasks and DAGs: limits, retries, pools, schedules.

/// What became of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settings {}

impl Settings {
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
