//! Exit codes, all of them.

use std::process::{ExitCode, Termination};

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Completed, nothing at or above `--fail-on`.
    Completed = 0,
    /// Completed, with findings at or above it.
    Findings = 1,
    /// Wrong usage or configuration, or an internal error.
    Usage = 2,
    /// Could not be completed as asked, or the verdict is undecided.
    Incomplete = 3,
    /// `sync` without a source (kept from the reference script).
    NoSource = 64,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}
