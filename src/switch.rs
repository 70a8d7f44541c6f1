//! Constructs that a test switches off, to prove that it would see them missing.
//!
//! Only a build with the feature `switch-off` can do that: each room asks [`off`] at its one
//! place of dispatch, and what is off is passed over without a word, as a program would that does
//! not know it. Every other build compiles the questions to nothing. A delivery's requirements are
//! off by their number (`R18`), which such a build also takes from the variable
//! `DAGGUARD_TEST_SWITCH`. Imports nothing.

/// The construct that is off in this process.
#[cfg(feature = "switch-off")]
static OFF: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// Switches a construct off for the rest of the process; whether it was the first.
#[cfg(feature = "switch-off")]
pub fn switch_off(construct: &str) -> bool {
    OFF.set(construct.to_owned()).is_ok()
}

/// Whether the construct is off.
#[cfg(feature = "switch-off")]
pub(crate) fn off(construct: &str) -> bool {
    #[expect(clippy::disallowed_methods, reason = "a build for tests alone, whose processes are told by a variable")]
    let off = OFF.get_or_init(|| std::env::var("DAGGUARD_TEST_SWITCH").unwrap_or_default());
    off == construct
}

/// Whether the construct is off: never.
#[cfg(not(feature = "switch-off"))]
pub(crate) const fn off(_construct: &str) -> bool {
    false
}
