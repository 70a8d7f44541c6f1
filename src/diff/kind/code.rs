//! Contracts between pieces of code: calls and signatures, deferrals and the methods they resume.

/// What became of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {}

impl Code {
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
