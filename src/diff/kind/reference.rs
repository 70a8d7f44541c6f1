//! What is named beyond the DAG: other DAGs, assets, pools, connections.

/// What became of what is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {}

impl Reference {
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
